import { checkFile, isCheckedIncrement } from '../../daemon/backup/backup-file.ts'
import { backupId } from '../../daemon/backup/backup-id.ts'
import type { BackupBase } from './create-backup.ts'

/** Where an increment on top of this file begins. Reads all of it. Throws PaxosError USAGE, BACKUP_DAMAGED, BACKUP_REFUSED. */
export async function backupBase(path: string): Promise<BackupBase> {
  const file = await checkFile(path)
  const { clusterId, applied: from } = file.manifest
  const chain = isCheckedIncrement(file) ? file.manifest.chain : Buffer.from(file.meta.chain).toString('hex')
  return { clusterId, start: { from, base: backupId(file.manifest), chain } }
}
