import { backupEnd } from '../../daemon/backup/backup-end.ts'
import type { BackupBase } from './create-backup.ts'

/** Where an increment on top of this file begins. Reads all of it. Throws PaxosError USAGE, BACKUP_DAMAGED, BACKUP_REFUSED. */
export async function backupBase(path: string): Promise<BackupBase> {
  const { clusterId, start } = await backupEnd(path)
  const { from, base, chainBefore: chain } = start
  return { clusterId, start: { from, base, chain } }
}
