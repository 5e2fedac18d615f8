/** Truncated votes that stay on the disk for increments of backups. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { PaxosError } from '../../base/error.ts'
import type { Write } from '../../protocol/effect.ts'
import { firstEpoch, firstGroup, toIncarnation, toNodeId, toSlot } from '../../protocol/ids.ts'
import { openEnvironment } from './environment.ts'
import { FailStop } from './fail-stop.ts'
import { ensureJournalFile } from './journal-file.ts'
import type { JournaledTree } from './journaled-tree.ts'
import { LogKeys } from './keys.ts'
import { LmdbAcceptorStore } from './lmdb-acceptor-store.ts'
import { openJournaledTree } from './open-journaled-tree.ts'
import { settled } from './settled.ts'
import { readStoppedTree } from './stopped-tree.ts'

const keys = new LogKeys(firstGroup, firstEpoch)
const ballot = { epoch: firstEpoch, round: 1, node: toNodeId(1), incarnation: toIncarnation(1), sub: 0 }
const mib = 1024 * 1024

interface Opened {
  readonly store: LmdbAcceptorStore
  readonly tree: JournaledTree
  commit(...writes: readonly Write[]): Promise<void>
  /** Slots that can still be read from `from` on, in pages. */
  kept(from: number): number[]
}

/** Opens the same file each time. */
function file(t: TestContext): (keptBytesMax: number) => Promise<Opened> {
  const directory = mkdtempSync(join(tmpdir(), 'paxos-kept-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return async (keptBytesMax) => {
    const environment = openEnvironment(join(directory, 'acceptor.mdb'), { pageSize: 4096, readOnly: false })
    const failStop = new FailStop({ commitDeadlineMs: 10_000, onFailure: () => {} })
    const stopped = await readStoppedTree(directory, environment)
    await ensureJournalFile(directory)
    const tree = await openJournaledTree(directory, { environment, stopped, failStop })
    const store = new LmdbAcceptorStore(tree, keptBytesMax)
    store.load(firstGroup, firstEpoch)
    const commit = (...writes: readonly Write[]): Promise<void> =>
      settled((done) => {
        const all = writes.map((write) => ({ group: firstGroup, epoch: firstEpoch, write }))
        store.commit(all, done)
      })
    const kept = (from: number): number[] => {
      const slots: number[] = []
      for (;;) {
        const page = store.keptEntries(firstGroup, firstEpoch, toSlot(slots.length + from), 1000)
        if (page.length === 0) return slots
        for (const { slot, entry } of page) {
          assert.equal(entry.payload[0], slot % 256)
          slots.push(slot)
        }
      }
    }
    return { store, tree, commit, kept }
  }
}

function vote(slot: number, length = 300): Write {
  const entry = { kind: 'batch', payload: new Uint8Array(length).fill(slot) } as const
  return { kind: 'vote', slot: toSlot(slot), ballot, entry, chosen: false }
}

function truncate(upTo: number): Write {
  return { kind: 'truncate', upTo: toSlot(upTo) }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i)
}

test('truncated votes stay, as they are, also large ones and after a restart', async (t) => {
  const open = file(t)
  const first = await open(mib)
  await first.commit(...range(0, 100).map((slot) => vote(slot, slot % 10 === 0 ? 9000 : 300)), truncate(80))
  assert.deepEqual(first.kept(0), range(0, 80))
  assert.deepEqual(first.kept(33), range(33, 80))
  await first.store.close()
  const second = await open(mib)
  assert.deepEqual(second.kept(0), range(0, 80))
  // The log itself begins where it began before.
  assert.equal(second.store.load(firstGroup, firstEpoch).votes[0]?.slot, 80)
  await second.commit(truncate(100))
  assert.deepEqual(second.kept(0), range(0, 100))
  await second.store.close()
})

test('the oldest go once there are more bytes than wanted, before a restart and after it', async (t) => {
  const open = file(t)
  const first = await open(100_000)
  for (let slot = 0; slot < 1000; slot += 10) {
    await first.commit(...range(slot, slot + 10).map((each) => vote(each)), truncate(slot))
  }
  const { from, to } = first.store.keptRange(firstGroup, firstEpoch)
  assert.equal(to, 990)
  // 100,000 bytes of votes of some 400.
  assert.ok(to - from > 200 && to - from < 350, `${to - from} are kept`)
  assert.deepEqual(first.kept(0), [])
  assert.deepEqual(first.kept(from), range(from, to))
  await first.store.close()
  const second = await open(100_000)
  const again = second.store.keptRange(firstGroup, firstEpoch).from
  assert.ok(again >= from && again < from + 20, `${again} instead of ${from}`)
  await second.store.close()
  const third = await open(20_000)
  const fewer = third.store.keptRange(firstGroup, firstEpoch)
  assert.ok(fewer.to - fewer.from > 30 && fewer.to - fewer.from < 70, `${fewer.to - fewer.from} are kept`)
  await third.store.close()
  const none = await open(0)
  assert.equal(none.store.keptRange(firstGroup, firstEpoch).from, 990)
  await none.store.close()
})

test('nothing is kept below a snapshot: votes there may be of anything', async (t) => {
  const open = file(t)
  const first = await open(mib)
  await first.commit(...range(0, 50).map((slot) => vote(slot)), truncate(20))
  await first.commit({ ...truncate(45), bySnapshot: true } as Write)
  assert.deepEqual(first.store.keptRange(firstGroup, firstEpoch), { from: 45, to: 45 })
  await first.commit(...range(50, 60).map((slot) => vote(slot)), truncate(55))
  assert.deepEqual(first.kept(45), range(45, 55))
  await first.store.close()
  const second = await open(mib)
  assert.deepEqual(second.store.keptRange(firstGroup, firstEpoch), { from: 45, to: 55 })
  await second.store.close()
})

test('a crash right after a snapshot leaves no votes that could be taken for kept ones', async (t) => {
  const open = file(t)
  const first = await open(mib)
  await first.commit(...range(0, 200).map((slot) => vote(slot, 9000)))
  // What is deleted in the background is not deleted when the process dies here.
  await first.commit({ ...truncate(200), bySnapshot: true } as Write)
  await first.tree.fold()
  const left = [...first.tree.environment.getKeys({ start: keys.votes.start, end: keys.votes.end })]
  assert.ok(left.length > 0)
  await first.store.close()
  const second = await open(mib)
  assert.deepEqual(second.kept(0), [])
  assert.deepEqual(second.store.keptRange(firstGroup, firstEpoch), { from: 200, to: 200 })
  await second.store.close()
})

test('a damaged one is an error, and never left out', async (t) => {
  const { store, tree, commit } = await file(t)(mib)
  await commit(...range(0, 10).map((slot) => vote(slot)), truncate(10))
  await tree.fold()
  const { environment } = tree
  const record = Buffer.from(environment.get(keys.vote(toSlot(5))) ?? '')
  record[60] = (record[60] ?? 0) ^ 1
  await environment.put(keys.vote(toSlot(5)), record)
  assert.throws(
    () => store.keptEntries(firstGroup, firstEpoch, toSlot(3), mib),
    (error) => error instanceof PaxosError && error.code === 'STORE_FAILED' && /slot 5/.test(error.message),
  )
  await store.close()
})
