import { mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PaxosError } from '../../src/base/error.ts'
import { openEnvironment } from '../../src/daemon/store/environment.ts'
import { FailStop } from '../../src/daemon/store/fail-stop.ts'
import { ensureJournalFile } from '../../src/daemon/store/journal-file.ts'
import { LogKeys } from '../../src/daemon/store/keys.ts'
import { LmdbAcceptorStore } from '../../src/daemon/store/lmdb-acceptor-store.ts'
import { LmdbStateStore } from '../../src/daemon/store/lmdb-state-store.ts'
import { openJournaledTree } from '../../src/daemon/store/open-journaled-tree.ts'
import { readStoppedTree } from '../../src/daemon/store/stopped-tree.ts'
import { type EpochNumber, type GroupId, toSlot } from '../../src/protocol/ids.ts'
import { type AcceptorDisk, acceptorStoreConformance, type Damage } from './acceptor-store.ts'
import { type StateDisk, stateStoreConformance } from './state-store.ts'

acceptorStoreConformance('LmdbAcceptorStore', async (): Promise<AcceptorDisk> => {
  const directory = await mkdtemp(join(tmpdir(), 'paxos-acceptor-'))
  const path = join(directory, 'acceptor.mdb')
  return {
    async open() {
      const failStop = newFailStop()
      const environment = openEnvironment(path, { pageSize: 4096, readOnly: false })
      const stopped = await readStoppedTree(directory, environment)
      await ensureJournalFile(directory)
      const store = new LmdbAcceptorStore(await openJournaledTree(directory, { environment, stopped, failStop }))
      return {
        store,
        breakDisk: () => failStop.fail(new PaxosError('STORE_FAILED', 'broken by the test')),
        close: async () => {
          await store.close()
          failStop.close()
        },
      }
    },
    async damage(group: GroupId, epoch: EpochNumber, damage: Damage) {
      const keys = new LogKeys(group, epoch)
      const key = damage.kind === 'vote' ? keys.vote(toSlot(damage.slot)) : keys[damage.kind]
      const environment = openEnvironment(path, { pageSize: 4096, readOnly: true })
      const record = Buffer.from(environment.get(key) ?? [])
      await environment.close()
      await flip(path, record, record.length - 1)
    },
    dispose: () => rm(directory, { recursive: true, force: true }),
  }
})

stateStoreConformance('LmdbStateStore', async (): Promise<StateDisk> => {
  const directory = await mkdtemp(join(tmpdir(), 'paxos-state-'))
  const path = join(directory, 'state.mdb')
  return {
    async open() {
      const failStop = newFailStop()
      const store = new LmdbStateStore({ directory, failStop, snapshotIdleMs: 60_000 })
      return {
        store,
        breakDisk: () => failStop.fail(new PaxosError('STORE_FAILED', 'broken by the test')),
        close: async () => {
          await store.close()
          failStop.close()
        },
      }
    },
    async damage(key: string) {
      const environment = openEnvironment(path, { pageSize: 8192, readOnly: true })
      const record = Buffer.from(environment.get(Buffer.from(key, 'latin1')) ?? [])
      await environment.close()
      await flip(path, record, record.length - 1)
    },
    dispose: () => rm(directory, { recursive: true, force: true }),
  }
})

function newFailStop(): FailStop {
  return new FailStop({ commitDeadlineMs: 10_000, onFailure: () => {} })
}

/** Flips a bit of byte `at` of each copy of the record in the file: old pages hold copies too. */
async function flip(path: string, record: Buffer, at: number): Promise<void> {
  const content = await readFile(path)
  const file = await open(path, 'r+')
  for (let found = content.indexOf(record); found >= 0; found = content.indexOf(record, found + 1)) {
    await file.write(Uint8Array.of((record[at] ?? 0) ^ 0x10), 0, 1, found + at)
  }
  await file.sync()
  await file.close()
}
