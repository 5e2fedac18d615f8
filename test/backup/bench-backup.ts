import { backupFrames } from '../../src/daemon/backup/backup-writer.ts'
import { FailStop } from '../../src/daemon/store/fail-stop.ts'
import { LmdbStateStore } from '../../src/daemon/store/lmdb-state-store.ts'
import { settled } from '../../src/daemon/store/settled.ts'
import { toSlot } from '../../src/protocol/ids.ts'
import type { Bench } from '../machine/fixtures.ts'

/** The frames of a full backup of a machine's data, from a real store that is made in `folder`; several chunks. */
export async function* benchBackup(
  { overlay }: Bench,
  folder: string,
  origin: Parameters<typeof backupFrames>[1],
): AsyncGenerator<Uint8Array> {
  const failStop = new FailStop({ commitDeadlineMs: 10_000, onFailure: () => {} })
  const store = new LmdbStateStore({ directory: folder, failStop, snapshotIdleMs: 60_000 })
  try {
    await settled((done) => store.commit(new Map(overlay.range('', undefined)), done))
    yield* backupFrames(store.snapshot(toSlot(0)), origin, 16 * 1024)
  } finally {
    await store.close()
    failStop.close()
  }
}
