import type { BackupChain } from '../../daemon/backup/backup-chain.ts'
import { count, fields, table } from '../output.ts'
import { amountOf, timeText } from './manifest-view.ts'

/** Several files that belong together, for people. */
export function renderChain({ base, increments, end }: BackupChain): string {
  const rows = table(
    [base, ...increments],
    [
      { title: 'FILE', value: ({ path }) => path },
      { title: 'MADE', value: ({ manifest }) => manifest.createdAt },
      { title: 'SLOTS BELOW', value: ({ manifest }) => String(manifest.applied) },
      { title: 'REVISION', value: ({ manifest }) => String(manifest.revision) },
      { title: 'HOLDS', value: ({ manifest }) => amountOf(manifest) },
    ],
  )
  const { slot, revision, time } = restorable({ base, increments, end })
  const points = fields([
    ['cluster', end.clusterId],
    ['restores to', `revisions ${revision.from} to ${revision.to}`],
    ['', `slots ${slot.from} to ${slot.to}`],
    ['', `times ${time.from} to ${time.to}`],
  ])
  return `${rows}\n\n${points}\nwhole, ${count(
    [base, ...increments].reduce((sum, { fileBytes }) => sum + fileBytes, 0),
    'byte',
  )}`
}

export function chainJson(chain: BackupChain): object {
  const files = [chain.base, ...chain.increments].map(({ path, fileBytes, manifest }) => ({
    file: path,
    fileBytes,
    manifest,
  }))
  return { files, restorable: restorable(chain) }
}

interface Bounds<T> {
  readonly from: T
  readonly to: T
}

/** The points that `paxos restore` takes for these files. */
function restorable({ base, end }: BackupChain): {
  readonly slot: Bounds<number>
  readonly revision: Bounds<number>
  readonly time: Bounds<string>
} {
  return {
    slot: { from: base.manifest.applied, to: end.applied },
    revision: { from: base.manifest.revision, to: end.revision },
    time: { from: timeText(base.meta.clockMs), to: end.createdAt },
  }
}
