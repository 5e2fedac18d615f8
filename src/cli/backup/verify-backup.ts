import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import { checkChain } from '../../daemon/backup/backup-chain.ts'
import type { CheckedFile } from '../../daemon/backup/backup-file.ts'
import { checkScratchSpace, verifyInStore } from '../../daemon/backup/verify.ts'
import { replayed } from './restore-source.ts'
import { withScratchDirectory } from './scratch-directory.ts'
import { verifyWithNode } from './scratch-node.ts'

export interface VerifyOptions {
  /** Where a directory is made for the time of it; the system's place for such if not given. */
  readonly scratch: string | undefined
  readonly version: string
  /** Before each step. */
  onStep(text: string): void
}

/**
 * A full backup, and increments that continue it. Throws PaxosError BACKUP_DAMAGED, saying what is wrong; what else it throws
 * says nothing about the backup.
 */
export async function verifyBackup(
  paths: readonly string[],
  { scratch, version, onStep }: VerifyOptions,
): Promise<readonly CheckedFile[]> {
  onStep(paths.length === 1 ? 'checking the file' : 'checking the files')
  const chain = await checkChain(paths)
  const { base, increments } = chain
  return await withScratchDirectory(resolve(scratch ?? tmpdir()), async (directory) => {
    await checkScratchSpace(directory, base.manifest.bytes)
    const all = { point: { kind: 'end' }, onStep } as const
    const backup = increments.length === 0 ? base : await replayed(chain, all, directory)
    onStep('restoring all of it into a store')
    await verifyInStore(backup, directory)
    onStep('restoring it to a node, and reading every key from it')
    await verifyWithNode(backup, directory, version)
    return [base, ...increments]
  })
}
