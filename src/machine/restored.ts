/**
 * The data with which a restored cluster begins: the items and the audit trail of the backup as they were, and a Meta of
 * its own.
 *
 * - Revisions go on far above the backup's, so that none of them was ever given by the old cluster, whatever it still did
 *   after the backup. Everything below is compacted: a client of the old cluster that asks for one of its revisions is
 *   told so, and never gets another cluster's data under that number.
 * - Sessions end, with their replies: whoever may retry a write of the old cluster must learn that it is gone. Session
 *   numbers go on as far above, or an old client would be taken for a new one.
 * - History is left behind, since no revision of it can be read, and so is the last stop sign: epochs begin anew.
 * - The hash chain begins anew with the data, the same on every member that is restored from one backup.
 * - Slots go on from the backup's, but from 1 at least: below the first slot the log counts as truncated, so a member
 *   without the data is one that needs a snapshot, and never one that may apply the log to nothing.
 */
import { PaxosError } from '../base/error.ts'
import { recordKind } from './layout.ts'
import { emptyMeta, type Meta } from './records.ts'

/** Three years of a hundred thousand writes a second, and decimal, so that the backup's own revision can be read in it. */
export const restoreGap = 10 ** 13

/** By how much a recovery raises the same numbers: a backup of before it is restored above what it gave since. */
export const recoveryGap = restoreGap / 10

export function isRestored(viewKey: string): boolean {
  const kind = recordKind(viewKey)
  return kind === 'item' || kind === 'audit'
}

/** `above`: new revisions are above this one, too. Throws PaxosError USAGE when that leaves too few. */
export function restoredMeta(meta: Meta, above: number): Meta {
  const raise = Math.max(restoreGap, above - meta.revision)
  const revision = meta.revision + raise
  const lastSession = meta.lastSession + raise
  if (Math.max(revision, lastSession) > Number.MAX_SAFE_INTEGER - restoreGap) {
    throw new PaxosError('USAGE', `Cannot restore at revision ${revision}: too few revisions would be left above it`, {
      hint: `The greatest revision is ${Number.MAX_SAFE_INTEGER}.`,
    })
  }
  const appliedUpTo = Math.max(1, meta.appliedUpTo)
  return {
    appliedUpTo,
    revision,
    compactedRevision: revision,
    clockMs: meta.clockMs,
    barrierMs: meta.clockMs,
    lastSession,
    chainSince: appliedUpTo,
    chain: emptyMeta.chain,
  }
}
