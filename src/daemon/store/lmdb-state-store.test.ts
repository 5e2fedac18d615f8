import assert from 'node:assert/strict'
import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { PaxosError } from '../../base/error.ts'
import { toSlot } from '../../protocol/ids.ts'
import { FailStop } from './fail-stop.ts'
import { LmdbStateStore } from './lmdb-state-store.ts'
import { settled } from './settled.ts'
import { unfinishedFile } from './unfinished-file.ts'

async function withStore(
  snapshotIdleMs: number,
  body: (store: LmdbStateStore, directory: string, failures: PaxosError[]) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'paxos-state-'))
  const failures: PaxosError[] = []
  const failStop = new FailStop({ commitDeadlineMs: 10_000, onFailure: (error) => failures.push(error) })
  const store = new LmdbStateStore({ directory, failStop, snapshotIdleMs })
  try {
    await body(store, directory, failures)
  } finally {
    await store.close()
    failStop.close()
    await rm(directory, { recursive: true, force: true })
  }
}

function commit(store: LmdbStateStore, changes: ReadonlyMap<string, Uint8Array | null>): Promise<void> {
  return settled((done) => store.commit(changes, done))
}

test('a snapshot that nobody reads from is given up', async () => {
  await withStore(20, async (store) => {
    await commit(store, new Map([['a', Buffer.from('1')]]))
    const snapshot = store.snapshot(toSlot(1))
    assert.equal(snapshot.page(undefined, 100).done, true)
    await new Promise((resolve) => setTimeout(resolve, 60))
    assert.throws(
      () => snapshot.page(undefined, 100),
      (error) => error instanceof PaxosError && error.code === 'NOT_FOUND',
    )
  })
})

test('installs leave one data file and no half ones, also after a crash', async () => {
  await withStore(60_000, async (store, directory) => {
    for (let round = 0; round < 3; round++) {
      const install = store.install()
      await new Promise<void>((resolve) => install.put([['a', Buffer.from('1')]], () => resolve()))
      await new Promise<void>((resolve) => install.finish(() => resolve()))
    }
    await store.close()
    assert.deepEqual(readdirSync(directory).sort(), ['state.mdb', 'state.mdb-lock'])
    const half = unfinishedFile(directory, 'install', 7)
    for (const file of [half, `${half}-lock`]) writeFileSync(file, 'half')
    const failStop = new FailStop({ commitDeadlineMs: 10_000, onFailure: () => {} })
    const next = new LmdbStateStore({ directory, failStop, snapshotIdleMs: 60_000 })
    assert.equal(Buffer.from(next.view.get('a') ?? []).toString(), '1')
    assert.deepEqual(readdirSync(directory).sort(), ['state.mdb', 'state.mdb-lock'])
    await next.close()
    failStop.close()
  })
})

test('the file stops growing when data is written over and over, with values of many pages among it', async () => {
  await withStore(60_000, async (store, directory) => {
    const size = async (rounds: number): Promise<number> => {
      for (let round = 0; round < rounds; round++) {
        const changes = new Map<string, Uint8Array>()
        for (let i = 0; i < 40; i++) changes.set(`key${i}`, Buffer.alloc(((i * 7919 + round * 104_729) % 50) * 1000))
        await commit(store, changes)
      }
      return statSync(join(directory, 'state.mdb')).size
    }
    const before = await size(150)
    const after = await size(150)
    assert.ok(after <= before * 1.1, `${before} bytes, then ${after}`)
  })
})
