import type { StateStore } from '../../runtime/ports.ts'
import { type BackupEntry, decodeEntries } from '../../wire/backup-codec.ts'
import { settled } from '../store/settled.ts'
import { type CheckedBackup, readChunks } from './backup-file.ts'

/** Puts everything that the backup holds, history and sessions too, into a store. Throws PaxosError BACKUP_DAMAGED. */
export async function fillStore(state: Pick<StateStore, 'install'>, backup: CheckedBackup): Promise<void> {
  const install = state.install()
  await readChunks(backup, async (chunk) => {
    const entries: BackupEntry[] = []
    for (const { key, value } of decodeEntries(chunk)) entries.push([key, value])
    await settled((done) => install.put(entries, done))
  })
  await settled((done) => install.finish(done))
}
