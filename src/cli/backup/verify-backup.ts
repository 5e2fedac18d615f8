import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import { type CheckedBackup, checkBackup } from '../../daemon/backup/backup-file.ts'
import { checkScratchSpace, verifyInStore } from '../../daemon/backup/verify.ts'
import { withScratchDirectory } from './scratch-directory.ts'
import { verifyWithNode } from './scratch-node.ts'

export interface VerifyOptions {
  /** Where a directory is made for the time of it; the system's place for such if not given. */
  readonly scratch: string | undefined
  readonly version: string
  /** Before each step. */
  onStep(text: string): void
}

/** Throws PaxosError BACKUP_DAMAGED, saying what is wrong; what else it throws says nothing about the backup. */
export async function verifyBackup(path: string, { scratch, version, onStep }: VerifyOptions): Promise<CheckedBackup> {
  onStep('checking the file')
  const backup = await checkBackup(path)
  return await withScratchDirectory(resolve(scratch ?? tmpdir()), async (directory) => {
    await checkScratchSpace(directory, backup)
    onStep('restoring all of it into a store')
    await verifyInStore(backup, directory)
    onStep('restoring it to a node, and reading every key from it')
    await verifyWithNode(backup, directory, version)
    return backup
  })
}
