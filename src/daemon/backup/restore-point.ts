import { PaxosError } from '../../base/error.ts'
import type { BackupChain } from './backup-chain.ts'

/** Up to where to restore; all of it without any. */
export type RestorePoint =
  | { readonly kind: 'end' }
  /** The slots below it. */
  | { readonly kind: 'slot'; readonly slot: number }
  /** All that was done up to this revision, and nothing after it. */
  | { readonly kind: 'revision'; readonly revision: number }
  /** Everything before the first batch that a leader made later than this, by its clock. */
  | { readonly kind: 'time'; readonly timeMs: number }

/** Throws PaxosError USAGE when the point is not between the end of the full backup and the end of the last increment. */
export function checkPoint(point: RestorePoint, { base, end }: BackupChain): void {
  switch (point.kind) {
    case 'end':
      return
    case 'slot':
      checkRange('slot', point.slot, base.manifest.applied, end.applied, String)
      return
    case 'revision':
      checkRange('revision', point.revision, base.manifest.revision, end.revision, String)
      return
    case 'time':
      // Nothing was written between the last batch and the making of the file, as far as clocks agree.
      checkRange('time', point.timeMs, base.meta.clockMs, Date.parse(end.createdAt), (ms) => new Date(ms).toISOString())
  }
}

function checkRange(what: string, wanted: number, least: number, most: number, shown: (n: number) => string): void {
  if (wanted >= least && wanted <= most) return
  const where =
    wanted < least ? `The full backup is already at ${what} ${shown(least)}` : `The files end at ${what} ${shown(most)}`
  throw new PaxosError('USAGE', `${where}, and ${shown(wanted)} is wanted`, {
    hint: `These files can be restored to any ${what} from ${shown(least)} to ${shown(most)}. \`paxos backup inspect\` shows what files hold.`,
  })
}
