import { PaxosError } from '../../base/error.ts'
import type { Meta } from '../../machine/records.ts'
import { toSlot } from '../../protocol/ids.ts'
import type { IncrementEnd, IncrementStart } from '../../wire/increment-manifest.ts'
import type { ChosenLog } from './chosen-log.ts'

/**
 * Where an increment that begins at `start` ends on a node with this state. Throws PaxosError COMPACTED when the log does
 * not reach back so far, PRECONDITION_FAILED when it does not reach so far.
 */
export function planIncrement(log: ChosenLog, start: IncrementStart, meta: Meta): IncrementEnd {
  const { appliedUpTo: applied, revision, compactedRevision, chainSince, chain } = meta
  if (start.from > applied) {
    throw new PaxosError(
      'PRECONDITION_FAILED',
      `The base ends at slot ${start.from}, and this node has applied those below ${applied}`,
      { hint: 'Ask another node, unless the base is of another cluster.' },
    )
  }
  const missing = log.missing({ from: toSlot(start.from), to: toSlot(applied) })
  if (missing !== undefined) {
    throw new PaxosError(
      'COMPACTED',
      `This node does not have slot ${missing} any more, and an increment from ${start.from} on needs it`,
      {
        hint: 'Make a full backup. limits.backupLogBytesMax, 0 by default, says how much of older slots members keep for increments.',
      },
    )
  }
  return { applied, revision, compactedRevision, chain: Buffer.from(chain).toString('hex'), chainSince }
}
