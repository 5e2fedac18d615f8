import { createHash } from 'node:crypto'
import type { Ballot } from '../../protocol/ballot.ts'
import type { Entry } from '../../protocol/entry.ts'
import type { EpochNumber } from '../../protocol/ids.ts'
import type { Survivor } from '../../protocol/recovery/survivor.ts'

/** The slots of one epoch that a plan decides. */
export interface DecidedRange {
  readonly epoch: EpochNumber
  readonly from: number
  /** Undefined for the last epoch: what lies above the plan counts, too. */
  readonly to: number | undefined
}

/**
 * Of everything in a node's state that a plan rests on: promises, and votes in the slots that it decides. Not of what is only
 * knowledge, such as which votes are chosen: a node that is killed may forget that, and a plan decides it anyway.
 */
export function fingerprintOf(survivor: Survivor, ranges: readonly DecidedRange[]): string {
  const { clusterId, id, diskId, logs } = survivor
  const parts = ranges.map(({ epoch, from, to = Number.MAX_SAFE_INTEGER }) => {
    const log = logs.find((each) => each.epoch === epoch)
    const isDecided = (slot: number): boolean => slot >= from && slot < to
    return [
      epoch,
      log?.promised === undefined ? null : ballotParts(log.promised),
      log?.votes
        .filter(({ slot }) => isDecided(slot))
        .map(({ slot, ballot, entry }) => [slot, ballotParts(ballot), hashOf(entry)]) ?? [],
      log?.unknown.filter(isDecided) ?? [],
    ]
  })
  return createHash('sha256')
    .update(JSON.stringify([clusterId, id, diskId, parts]))
    .digest('hex')
}

function ballotParts({ epoch, round, node, incarnation, sub }: Ballot): readonly number[] {
  return [epoch, round, node, incarnation, sub]
}

function hashOf({ kind, payload }: Entry): string {
  return createHash('sha256').update(kind).update('\0').update(payload).digest('hex')
}
