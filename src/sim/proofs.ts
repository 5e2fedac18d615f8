import type { Entry } from '../protocol/entry.ts'
import type { Slot } from '../protocol/ids.ts'
import type { Recovery } from '../protocol/recovery/recovery.ts'
import { endOf, type SlotFinding } from '../protocol/recovery/settle.ts'
import { insist } from './invariant-error.ts'

/**
 * Holds what a recovery proves against what was chosen. Returns the first slot whose chosen entry the plan gives up,
 * which it must have said; undefined when everything that was chosen is kept.
 */
export function firstLoss(
  { from, logs, mayGoOnFrom, raisedBy }: Recovery,
  chosen: ReadonlyMap<Slot, number>,
  digest: (entry: Entry) => number,
): Slot | undefined {
  for (let slot = 0; slot < from; slot++) {
    insist(chosen.has(slot as Slot), 'recovery begins at what is chosen', () => `slot ${slot} of ${from} is not`)
  }
  const lost: Slot[] = []
  for (const finding of logs.flatMap(({ findings }) => findings)) {
    const was = chosen.get(finding.slot)
    mustBeProved(finding, was, digest(finding.entry))
    if (was !== undefined && was !== digest(finding.entry)) lost.push(finding.slot)
  }
  // Without the stop sign of the recovery itself.
  const end = Math.max(from, ...logs.map(endOf)) - 1
  const beyond = [...chosen.keys()].filter((slot) => slot >= end)
  insist(
    beyond.every((slot) => mayGoOnFrom !== undefined && slot >= mayGoOnFrom),
    'recovery proves (6)',
    () => `slot ${Math.min(...beyond)} was chosen, and the plan says that nothing was from ${mayGoOnFrom ?? end} on`,
  )
  lost.push(...beyond)
  insist(
    lost.length === 0 || raisedBy > 0,
    'recovery raises what it may lose',
    () => `slot ${Math.min(...lost)} is lost, and revisions are not raised`,
  )
  return lost.length === 0 ? undefined : (Math.min(...lost) as Slot)
}

function mustBeProved({ slot, class: kind, mayDiffer }: SlotFinding, was: number | undefined, kept: number): void {
  const mustBe = { chosen: was === kept, unchosen: was === undefined, empty: was === undefined }
  insist(
    !(kind in mustBe) || mustBe[kind as keyof typeof mustBe],
    'recovery proves (6)',
    () => `slot ${slot} is called ${kind}, and ${was === undefined ? 'nothing' : 'an entry'} was chosen there`,
  )
  insist(
    mayDiffer || was === undefined || was === kept,
    'recovery proves (6)',
    () => `slot ${slot} has another entry than the chosen one, and no loss is said to be possible`,
  )
}
