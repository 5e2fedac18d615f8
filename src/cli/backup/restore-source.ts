import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import { type BackupChain, checkChain } from '../../daemon/backup/backup-chain.ts'
import { type CheckedBackup, checkBackup } from '../../daemon/backup/backup-file.ts'
import { materialize } from '../../daemon/backup/materialize.ts'
import type { RestorePoint } from '../../daemon/backup/restore-point.ts'
import { checkScratchSpace } from '../../daemon/backup/verify.ts'
import { restoreGap } from '../../machine/restored.ts'
import { withScratchDirectory } from './scratch-directory.ts'

export interface SourceFiles {
  /** A full backup, and the increments that continue it. */
  readonly paths: readonly string[]
  readonly point: RestorePoint
  /** Where a directory is made for the time of it; the system's place for such if not given. */
  readonly scratch: string | undefined
  /** Before what may take long. */
  onStep(text: string): void
}

export interface RestoreSource {
  /** A full one, at the point. */
  readonly backup: CheckedBackup
  /** New revisions must be above this one: the old cluster has given all up to the end of the files, whatever the point. */
  readonly revisionAbove: number
}

/** Gives `body` one full backup to restore. Throws like `checkBackup`, `checkChain` and `materialize`. */
export async function withRestoreSource<T>(
  files: SourceFiles,
  body: (source: RestoreSource) => Promise<T>,
): Promise<T> {
  const { paths, point } = files
  const [only] = paths
  if (only !== undefined && paths.length === 1 && point.kind === 'end')
    return await body({ backup: await checkBackup(only), revisionAbove: 0 })
  files.onStep('checking the files')
  const chain = await checkChain(paths)
  return await withScratchDirectory(resolve(files.scratch ?? tmpdir()), async (directory) => {
    const backup = await replayed(chain, files, directory)
    return await body({ backup, revisionAbove: chain.end.revision + restoreGap })
  })
}

/** The full backup that the files come to, below `directory`. */
export async function replayed(
  chain: BackupChain,
  { point, onStep }: Pick<SourceFiles, 'point' | 'onStep'>,
  directory: string,
): Promise<CheckedBackup> {
  const bytes = [chain.base, ...chain.increments].reduce((sum, { manifest }) => sum + manifest.bytes, 0)
  await checkScratchSpace(directory, bytes)
  onStep('replaying the increments')
  return await materialize(chain, point, directory)
}
