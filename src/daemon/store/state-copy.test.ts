import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { PaxosError } from '../../base/error.ts'
import { Random } from '../../base/random.ts'
import { toSlot } from '../../protocol/ids.ts'
import { FailStop } from './fail-stop.ts'
import { LmdbStateStore } from './lmdb-state-store.ts'
import { settled } from './settled.ts'
import type { CopyPace } from './state-copy.ts'

const pace: CopyPace = { sliceBytes: 65_536, sliceMs: 0, check: async () => {}, onProgress: () => {} }

function directoryOf(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'paxos-copy-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

function openStore(directory: string): { store: LmdbStateStore; close: () => Promise<void> } {
  const failStop = new FailStop({ commitDeadlineMs: 10_000, onFailure: (error) => assert.fail(error.message) })
  const store = new LmdbStateStore({ directory, failStop, snapshotIdleMs: 60_000 })
  const close = async (): Promise<void> => {
    await store.close()
    failStop.close()
  }
  return { store, close }
}

function commit(store: LmdbStateStore, changes: ReadonlyMap<string, Uint8Array | null>): Promise<void> {
  return settled((done) => store.commit(changes, done))
}

function contents(store: LmdbStateStore): Map<string, string> {
  return new Map([...store.view.range('', undefined)].map(([key, value]) => [key, Buffer.from(value).toString()]))
}

const sizeOf = (directory: string): number => statSync(join(directory, 'state.mdb')).size
const leftovers = (directory: string): string[] => readdirSync(directory).filter((name) => /copy|install/.test(name))
const key = (n: number): string => `k${String(n).padStart(6, '0')}`

/** Many keys, most of which are deleted again: a file that is mostly free. */
async function makeHoles(store: LmdbStateStore, keys = 20_000): Promise<Map<string, string>> {
  const model = new Map<string, string>()
  for (let from = 0; from < keys; from += 1000) {
    const changes = new Map<string, Uint8Array | null>()
    for (let n = from; n < from + 1000; n++) changes.set(key(n), Buffer.from(`first ${n} `.padEnd(300, 'x')))
    await commit(store, changes)
  }
  for (let from = 0; from < keys; from += 1000) {
    const changes = new Map<string, Uint8Array | null>()
    for (let n = from; n < from + 1000; n++) {
      if (n % 10 === 0) model.set(key(n), `first ${n} `.padEnd(300, 'x'))
      else changes.set(key(n), null)
    }
    await commit(store, changes)
  }
  return model
}

test('a copy takes the place of a file with holes, which is as small as its content then', async (t) => {
  const directory = directoryOf(t)
  const { store, close } = openStore(directory)
  const model = await makeHoles(store)
  const before = sizeOf(directory)
  await store.reclaim(pace)
  assert.ok(sizeOf(directory) < before / 4, `${before} bytes, then ${sizeOf(directory)}`)
  assert.ok(store.usage().freeBytes < store.usage().bytes / 4)
  assert.deepEqual(contents(store), model)
  await commit(store, new Map([['after', Buffer.from('it')]]))
  await store.reclaim(pace)
  await close()
  assert.deepEqual(leftovers(directory), [])
  const again = openStore(directory)
  assert.deepEqual(contents(again.store), new Map([['after', 'it'], ...model]))
  await again.close()
})

test('what is committed meanwhile is in the copy, wherever the copy is', async (t) => {
  const directory = directoryOf(t)
  for (let seed = 1; seed <= 6; seed++) {
    rmSync(join(directory, 'state.mdb'), { force: true })
    const { store, close } = openStore(directory)
    const random = new Random(seed)
    const model = await makeHoles(store, 5000)
    let isOver = false
    let commits = 0
    let turns = 0
    let onCommit = (): void => {}
    // A commit for ten turns at least, of some 50 or 250, however slow the disk is.
    const check = async (): Promise<void> => {
      turns++
      while (commits < Math.floor(turns / 10)) await new Promise<void>((resolve) => (onCommit = resolve))
    }
    const reclaimed = store.reclaim({ ...pace, sliceBytes: seed % 2 === 0 ? 600 : 3000, check }).finally(() => {
      isOver = true
    })
    for (let more = 3; more > 0; more -= isOver ? 1 : 0) {
      const changes = new Map<string, Uint8Array | null>()
      for (let i = 0; i < random.integer(1, 40); i++) {
        const name = key(random.integer(0, 6000))
        const value = random.integer(0, 2) === 0 ? null : `${seed} ${commits} ${i}`.repeat(random.integer(1, 50))
        changes.set(name, value === null ? null : Buffer.from(value))
        if (value === null) model.delete(name)
        else model.set(name, value)
      }
      await commit(store, changes)
      commits++
      onCommit()
    }
    await reclaimed
    assert.ok(commits > 4, `only ${commits} commits meanwhile`)
    assert.deepEqual(contents(store), new Map([...model].sort()), `seed ${seed}`)
    await close()
    const again = openStore(directory)
    assert.deepEqual(contents(again.store), new Map([...model].sort()), `seed ${seed}, opened again`)
    await again.close()
  }
})

test('a snapshot that is open reads on from the old file, and no second copy is made until it is closed', async (t) => {
  const directory = directoryOf(t)
  const { store, close } = openStore(directory)
  const model = await makeHoles(store, 2000)
  const snapshot = store.snapshot(toSlot(7))
  const { entries } = snapshot.page(undefined, 1)
  await store.reclaim(pace)
  await commit(store, new Map([[key(10), Buffer.from('new')]]))
  const rest = snapshot.page(entries.at(-1)?.[0], 1e9)
  assert.equal(entries.length + rest.entries.length, model.size)
  assert.equal(Buffer.from(rest.entries[0]?.[1] ?? []).toString(), model.get(key(10)))
  await assert.rejects(store.reclaim(pace), (error) => error instanceof PaxosError && error.code === 'OVERLOADED')
  snapshot.close()
  await new Promise((resolve) => setTimeout(resolve, 300))
  await store.reclaim(pace)
  await close()
})

test('a copy that is given up leaves everything as it was, and the next start removes what a crash leaves', async (t) => {
  const directory = directoryOf(t)
  const { store, close } = openStore(directory)
  const model = await makeHoles(store, 2000)
  const before = sizeOf(directory)
  const noRoom = new PaxosError('NO_SPACE', 'there is no room')
  const failing = { ...pace, check: () => Promise.reject(noRoom) }
  await assert.rejects(store.reclaim(failing), noRoom)
  assert.deepEqual([sizeOf(directory), leftovers(directory)], [before, []])
  assert.deepEqual(contents(store), model)

  const slow = { ...pace, sliceBytes: 1000, sliceMs: 5 }
  const stopped = assert.rejects(
    store.reclaim(slow),
    (error) => error instanceof PaxosError && error.code === 'STOPPING',
  )
  await close()
  await stopped
  assert.deepEqual(leftovers(directory), [])
})

test('a snapshot that is put in place meanwhile wins', async (t) => {
  const directory = directoryOf(t)
  const { store, close } = openStore(directory)
  await makeHoles(store, 5000)
  const held = Promise.withResolvers<void>()
  const reclaimed = store.reclaim({ ...pace, check: () => held.promise })
  const givenUp = assert.rejects(reclaimed, /put in place meanwhile/)
  const install = store.install()
  await new Promise<void>((resolve) => install.put([['received', Buffer.from('data')]], () => resolve()))
  await new Promise<void>((resolve) => install.finish(() => resolve()))
  held.resolve()
  await givenUp
  assert.deepEqual(contents(store), new Map([['received', 'data']]))
  await close()
  assert.deepEqual(leftovers(directory), [])
})
