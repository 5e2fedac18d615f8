import type { IncrementStart } from '../../wire/increment-manifest.ts'
import { checkFile, isCheckedIncrement } from './backup-file.ts'
import { backupId } from './backup-id.ts'

/** Where a backup ends, which is where an increment on top of it begins. */
export interface BackupEnd {
  readonly clusterId: string
  readonly start: IncrementStart
}

/** Reads all of the file. Throws PaxosError USAGE, BACKUP_DAMAGED, BACKUP_REFUSED. */
export async function backupEnd(path: string): Promise<BackupEnd> {
  const file = await checkFile(path)
  const { clusterId, applied: from } = file.manifest
  const chainBefore = isCheckedIncrement(file) ? file.manifest.chain : Buffer.from(file.meta.chain).toString('hex')
  return { clusterId, start: { from, base: backupId(file.manifest), chainBefore } }
}
