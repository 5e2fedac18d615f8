/**
 * What each open slot of one epoch gets: phase 1, with all that are left for a quorum. Where that is less than a phase-1
 * quorum of the epoch, what it finds is the best that is left, and `Evidence` says what it may have missed.
 */
import { equalBytes } from '../../base/bytes.ts'
import { type Ballot, maxBallot, zeroBallot } from '../ballot.ts'
import { type Entry, noop } from '../entry.ts'
import type { Epoch } from '../epoch.ts'
import { encodeEpoch, encodeStopSign, epochAfter } from '../epoch-codec.ts'
import { auditLevel } from '../feature-level.ts'
import { type NodeId, nextSlot, type Slot, toIncarnation, toSlot } from '../ids.ts'
import type { SlotEntry, Vote } from '../multipaxos/message.ts'
import { PhaseOne } from '../multipaxos/phase-one.ts'
import { countedQuorums } from '../quorum.ts'
import { Evidence, type SlotEvidence } from './evidence.ts'
import type { Survivor } from './survivor.ts'

/**
 * - chosen: proved.
 * - possible: voted for, and the silent may have completed it; or a stop sign, made anew from the epoch that it began. Kept.
 * - unchosen: voted for, and proved that it was not chosen. Kept all the same: nobody was told that it failed.
 * - empty: no vote is left, and proved that nothing was chosen. A no-op.
 * - unseen: no vote is left, and the silent may have chosen something. A no-op; that something is lost.
 * - lost: chosen for certain, and the entry is in nobody's data, log or vote.
 */
export type SlotClass = 'chosen' | 'possible' | 'unchosen' | 'empty' | 'unseen' | 'lost'

export interface SlotFinding {
  readonly slot: Slot
  readonly epoch: number
  readonly class: SlotClass
  readonly entry: Entry
  /** Of the vote that is kept. */
  readonly ballot: Ballot | undefined
  readonly voters: readonly NodeId[]
  /** The silent may have chosen something else here, which then is lost. */
  readonly mayDiffer: boolean
}

export interface SettledLog {
  readonly epoch: Epoch
  readonly from: Slot
  /** Above everything that was promised or voted in it. */
  readonly ballot: Ballot
  /** Without a gap; a stop sign is the last. */
  readonly entries: readonly SlotEntry[]
  readonly findings: readonly SlotFinding[]
  /** Something may have been chosen above the last entry, of which nothing is left. */
  readonly mayGoOn: boolean
}

/** The slot after its last entry. */
export function endOf({ from, entries }: SettledLog): Slot {
  return nextSlot(from, entries.length)
}

/** `next`: the epoch that is known to have begun after this one. */
export function settleLog(
  epoch: Epoch,
  from: Slot,
  survivors: readonly Survivor[],
  next: Epoch | undefined,
): SettledLog {
  const evidence = new Evidence(epoch, survivors)
  const ballot = ballotAbove(epoch, survivors)
  const entries = propose({ epoch, from, ballot, evidence, survivors, next })
  const certainUpTo = next?.startSlot ?? knownChosen(epoch, survivors)
  const findings = entries.map(({ slot, entry }) => {
    const found = evidence.of(slot)
    const { ballot: voted } = found.strongest ?? {}
    const isStop = slot === (next?.startSlot ?? 0) - 1 && entry.kind === 'stopSign'
    const verdict = isStop ? ofStopSign(epoch, evidence, next) : classify(found, entry, slot < certainUpTo)
    return { slot, epoch: epoch.number, entry, ballot: voted, voters: found.voters, ...verdict }
  })
  const end = Math.max(nextSlot(from, entries.length), evidence.end)
  return { epoch, from, ballot, entries, findings, mayGoOn: next === undefined && evidence.of(toSlot(end)).mayDiffer }
}

const proved = { class: 'chosen', mayDiffer: false } as const

/** One that nobody who is left voted for begins the same epoch, and may have said who asked for it: that is lost then. */
function ofStopSign(epoch: Epoch, evidence: Evidence, next: Epoch | undefined): Verdict {
  const isRebuilt = next !== undefined && votedStopSign(next, evidence) === undefined
  return isRebuilt && epoch.featureLevel >= auditLevel ? { class: 'possible', mayDiffer: true } : proved
}

interface Verdict {
  readonly class: SlotClass
  readonly mayDiffer: boolean
}

function classify(found: SlotEvidence, entry: Entry, isCertain: boolean): Verdict {
  const { strongest, isChosen, mayBeChosen, mayDiffer, silentSuffice } = found
  if (isChosen) return proved
  if (strongest === undefined) {
    return isCertain ? { class: 'lost', mayDiffer: true } : { class: mayDiffer ? 'unseen' : 'empty', mayDiffer }
  }
  // A void stop sign leaves the slot free: those who told of it did not bind whoever led next.
  if (strongest.entry.kind === 'stopSign' && entry.kind !== 'stopSign') {
    if (isCertain) return { class: 'lost', mayDiffer: true }
    return { class: silentSuffice ? 'unseen' : 'empty', mayDiffer: silentSuffice }
  }
  if (isCertain && !mayDiffer) return proved
  return { class: mayBeChosen ? 'possible' : 'unchosen', mayDiffer }
}

interface Proposing {
  readonly epoch: Epoch
  readonly from: Slot
  readonly ballot: Ballot
  readonly evidence: Evidence
  readonly survivors: readonly Survivor[]
  readonly next: Epoch | undefined
}

function propose({ epoch, from, ballot, evidence, survivors, next }: Proposing): readonly SlotEntry[] {
  const ids = new Set(survivors.map(({ id }) => id))
  const all = countedQuorums(ids, ids.size, ids.size)
  const phaseOne = new PhaseOne(ballot, from, all)
  const stop = next === undefined ? undefined : stopSignBefore(epoch, next, evidence)
  const end = Math.max(from, evidence.end, knownChosen(epoch, survivors), stop === undefined ? 0 : stop.slot + 1)
  const votes = Array.from({ length: end - from }, (_, at) => evidence.votesOf(nextSlot(from, at))).flat()
  // What lies above a stop sign that is known chosen was never chosen.
  const below = stop === undefined ? votes : [...votes.filter(({ slot }) => slot < stop.slot), stop]
  const told = {
    kind: 'promise',
    ballot,
    attempt: 1,
    part: 0,
    parts: 1,
    truncatedUpTo: from,
    chosenUpTo: from,
  } as const
  for (const [at, id] of [...ids].entries()) {
    // Votes for which nothing is left are no-ops up to the last slot of which anything is known.
    phaseOne.onPromise(id, { ...told, votes: at === 0 ? below : [], unknown: [] })
  }
  const proposals = phaseOne.result()?.proposals ?? []
  const ends = proposals.at(-1)?.entry.kind === 'stopSign'
  const missing = ends ? 0 : end - from - proposals.length
  const first = from + proposals.length
  return [...proposals, ...Array.from({ length: missing }, (_, at) => ({ slot: toSlot(first + at), entry: noop }))]
}

/** As it was voted for, if anybody did; otherwise it follows from the epoch that it began. */
function stopSignBefore(epoch: Epoch, next: Epoch, evidence: Evidence): Vote {
  const voted = votedStopSign(next, evidence)
  if (voted !== undefined) return { ...voted, chosen: true }
  const { startSlot, ...after } = next
  const entry: Entry = { kind: 'stopSign', payload: encodeStopSign(after) }
  return { slot: nextSlot(startSlot, -1), ballot: zeroBallot(epoch.number), entry, chosen: true }
}

function votedStopSign(next: Epoch, evidence: Evidence): Vote | undefined {
  const slot = nextSlot(next.startSlot, -1)
  return evidence.votesOf(slot).find(({ entry }) => {
    const begun = entry.kind === 'stopSign' ? epochAfter(slot, entry.payload) : undefined
    return begun !== undefined && equalBytes(encodeEpoch(begun), encodeEpoch(next))
  })
}

/** Every slot of the epoch below is chosen, as somebody knows. */
function knownChosen(epoch: Epoch, survivors: readonly Survivor[]): Slot {
  const known = survivors.flatMap(({ logs }) => logs.filter((log) => log.epoch === epoch.number))
  return toSlot(Math.max(epoch.startSlot, ...known.map(({ chosenUpTo }) => chosenUpTo)))
}

/** No node ever uses it: incarnations count from 1. */
function ballotAbove(epoch: Epoch, survivors: readonly Survivor[]): Ballot {
  const logs = survivors.flatMap(({ logs: each }) => each.filter((log) => log.epoch === epoch.number))
  const seen = logs.flatMap(({ promised, votes }) => [
    ...(promised === undefined ? [] : [promised]),
    ...votes.map(({ ballot }) => ballot),
  ])
  const highest = seen.reduce(maxBallot, zeroBallot(epoch.number))
  const node = Math.min(...survivors.map(({ id }) => id)) as NodeId
  return { ...highest, round: highest.round + 1, node, incarnation: toIncarnation(0), sub: 0 }
}
