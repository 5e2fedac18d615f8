import { firstGroup, toSlot } from '../protocol/ids.ts'
import type { GapsJson } from '../wire/api-types.ts'
import type { SlotWindow } from './stopped-log.ts'

/**
 * The slots that a stopped node does not know chosen in its newest epoch, and what its own votes say of them. Nobody else is
 * asked, so an open slot is `unknown` unless the node is a quorum by itself. Writes nothing; refused while the node runs.
 */
export async function readStoppedGaps(path: string, { from, to }: SlotWindow): Promise<GapsJson> {
  const { openDataDirectoryReadOnly } = await import('../daemon/store/data-directory.ts')
  const { gapsJson } = await import('../daemon/api/gaps-json.ts')
  const { PaxosError } = await import('../base/error.ts')
  const { zeroBallot } = await import('../protocol/ballot.ts')
  const { openLogs } = await import('./open-logs.ts')
  const directory = await openDataDirectoryReadOnly({ path })
  try {
    const newest = openLogs(directory).at(-1)
    if (newest === undefined) throw new PaxosError('NOT_FOUND', `${path} knows no epoch: its node never served`)
    const { epoch, log } = newest
    const self = directory.identity.nodeId
    const { truncatedUpTo, chosenUpTo, votedUpTo } = log
    const all = { from: truncatedUpTo, to: votedUpTo }
    const slots = [
      ...log.votes(all).map(({ slot, ballot, chosen }) => ({
        slot,
        state: chosen || slot < chosenUpTo ? ('chosen' as const) : ('voted' as const),
        ...{ round: ballot.round, node: ballot.node },
      })),
      ...log.unknown(all).map((slot) => ({ slot, state: 'unknown' as const, round: 0, node: 0 })),
    ].sort((a, b) => a.slot - b.slot)
    const range = { from: toSlot(from ?? chosenUpTo), to: toSlot(Math.min(to ?? votedUpTo, votedUpTo)) }
    const { promised } = directory.load(firstGroup, epoch.number)
    const report = { node: self, truncatedUpTo, chosenUpTo, votedUpTo, slots }
    const reports = [{ ...report, promised: promised ?? zeroBallot(epoch.number) }]
    return gapsJson({ group: firstGroup, self, epoch, leader: undefined, range, reports }, to, false)
  } finally {
    await directory.close()
  }
}
