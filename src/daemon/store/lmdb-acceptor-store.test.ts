import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { PaxosError } from '../../base/error.ts'
import type { Write } from '../../protocol/effect.ts'
import { firstEpoch, firstGroup, toIncarnation, toNodeId, toSlot } from '../../protocol/ids.ts'
import { encodeVote } from './acceptor-codec.ts'
import { checkTree } from './acceptor-load.ts'
import { type Environment, openEnvironment } from './environment.ts'
import { FailStop } from './fail-stop.ts'
import { ensureJournalFile } from './journal-file.ts'
import type { JournaledTree } from './journaled-tree.ts'
import { LogKeys } from './keys.ts'
import { LmdbAcceptorStore, pieceBytes } from './lmdb-acceptor-store.ts'
import { openJournaledTree } from './open-journaled-tree.ts'
import { settled } from './settled.ts'
import { readStoppedTree } from './stopped-tree.ts'

const keys = new LogKeys(firstGroup, firstEpoch)
const ballot = { epoch: firstEpoch, round: 1, node: toNodeId(1), incarnation: toIncarnation(1), sub: 0 }

function vote(slot: number, length = 50): Extract<Write, { kind: 'vote' }> {
  const entry = { kind: 'batch', payload: new Uint8Array(length).fill(slot) } as const
  return { kind: 'vote', slot: toSlot(slot), ballot, entry, chosen: false }
}

async function withFile(body: (open: () => Promise<JournaledTree>) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'paxos-acceptor-'))
  try {
    await body(() => openTree(directory))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function openTree(directory: string): Promise<JournaledTree> {
  const environment = openEnvironment(join(directory, 'acceptor.mdb'), { pageSize: 4096, readOnly: false })
  const failStop = new FailStop({ commitDeadlineMs: 10_000, onFailure: () => {} })
  const stopped = await readStoppedTree(directory, environment)
  await ensureJournalFile(directory)
  return openJournaledTree(directory, { environment, stopped, failStop })
}

function commit(store: LmdbAcceptorStore, writes: readonly Write[]): Promise<void> {
  const all = writes.map((write) => ({ group: firstGroup, epoch: firstEpoch, write }))
  return settled((done) => store.commit(all, done))
}

function stored(environment: Environment): number {
  return [...environment.getKeys({ start: keys.votes.start, end: keys.votes.end })].length
}

async function untilStored(environment: Environment, count: number): Promise<void> {
  while (stored(environment) > count) await new Promise((resolve) => setTimeout(resolve, 1))
  assert.equal(stored(environment), count)
}

test('truncated votes are deleted from the file in the background, pieces as well', { timeout: 20_000 }, async () => {
  await withFile(async (open) => {
    const tree = await open()
    const { environment } = tree
    const store = new LmdbAcceptorStore(tree)
    await commit(
      store,
      Array.from({ length: 500 }, (_, i) => vote(i, i % 100 === 0 ? 100_000 : 50)),
    )
    await commit(store, [{ kind: 'truncate', upTo: toSlot(497) }])
    await tree.fold()
    await untilStored(environment, 3)
    await store.close()
  })
})

test('deleting goes on while commits follow each other, small or large', { timeout: 20_000 }, async () => {
  for (const length of [50, 100_000]) {
    await withFile(async (open) => {
      const tree = await open()
      const { environment } = tree
      const store = new LmdbAcceptorStore(tree)
      await commit(
        store,
        Array.from({ length: 1000 }, (_, i) => vote(i)),
      )
      await commit(store, [{ kind: 'truncate', upTo: toSlot(1000) }])
      const oldest = (): boolean =>
        [...environment.getKeys({ end: keys.vote(toSlot(1000)), start: keys.votes.start })].length > 0
      let writing = true
      const write = async (from: number): Promise<void> => {
        for (let slot = from; writing; slot += 2) await commit(store, [vote(2000 + (slot % 20), length)])
      }
      const writers = [write(0), write(1)]
      while (oldest()) await new Promise((resolve) => setTimeout(resolve, 1))
      writing = false
      await Promise.all(writers)
      await store.close()
    })
  }
})

test('what an interrupted truncation left is deleted after the next load', { timeout: 20_000 }, async () => {
  await withFile(async (open) => {
    const store = new LmdbAcceptorStore(await open())
    await commit(store, [vote(50), { kind: 'truncate', upTo: toSlot(40) }])
    await store.close()
    const direct = await open()
    for (let slot = 0; slot < 30; slot++)
      await direct.environment.put(keys.vote(toSlot(slot)), encodeVote(keys.vote(toSlot(slot)), vote(slot)))
    await direct.environment.put(keys.piece(toSlot(29), 1), Buffer.from('piece'))
    await direct.close()
    const tree = await open()
    const { environment } = tree
    const next = new LmdbAcceptorStore(tree)
    assert.deepEqual(
      next.load(firstGroup, firstEpoch).votes.map((each) => each.slot),
      [50],
    )
    await untilStored(environment, 1)
    await next.close()
  })
})

test('a piece fills one page, so that a large vote needs no run of free pages', async () => {
  await withFile(async (open) => {
    const tree = await open()
    const { environment } = tree
    const overflow = (): number | undefined => {
      const stats: { readonly overflowPages?: number } = environment.getStats()
      return stats.overflowPages
    }
    await environment.put(Buffer.from('a'), Buffer.alloc(pieceBytes))
    assert.equal(overflow(), 1)
    await environment.put(Buffer.from('b'), Buffer.alloc(pieceBytes + 1))
    assert.equal(overflow(), 3)
    await tree.close()
  })
})

test('a record under another slot is unknown, and so is every slot that it may have been', async () => {
  await withFile(async (open) => {
    const tree = await open()
    const { environment } = tree
    const store = new LmdbAcceptorStore(tree)
    await commit(store, [vote(0), vote(1), vote(6), vote(7)])
    // As if a bit of the key of slot 2 had flipped.
    await environment.put(keys.vote(toSlot(3)), encodeVote(keys.vote(toSlot(2)), vote(2)))
    const loaded = store.load(firstGroup, firstEpoch)
    assert.deepEqual(
      loaded.votes.map((each) => each.slot),
      [0, 1, 6, 7],
    )
    assert.deepEqual(loaded.unknown, [2, 3, 4, 5])
    await environment.put(keys.vote(toSlot(2 ** 40)), encodeVote(keys.vote(toSlot(8)), vote(8)))
    assert.throws(
      () => store.load(firstGroup, firstEpoch),
      (error) => error instanceof PaxosError && error.code === 'DATA_DIR_REFUSED',
    )
    await store.close()
  })
})

test('a missing or misplaced piece makes its vote unknown', async () => {
  await withFile(async (open) => {
    const tree = await open()
    const { environment } = tree
    const store = new LmdbAcceptorStore(tree)
    await commit(store, [vote(0, 20_000), vote(1, 20_000), vote(2, 20_000), vote(3)])
    await tree.fold()
    await environment.remove(keys.piece(toSlot(0), 2))
    await environment.remove(keys.vote(toSlot(1)))
    await environment.put(keys.piece(toSlot(2), 9), Buffer.from('x'))
    const loaded = store.load(firstGroup, firstEpoch)
    assert.deepEqual(loaded.unknown, [0, 1, 2])
    assert.deepEqual(
      loaded.votes.map((each) => each.slot),
      [3],
    )
    await store.close()
  })
})

test('no changed bit of a stored vote goes unnoticed', async () => {
  await withFile(async (open) => {
    const tree = await open()
    const { environment } = tree
    const store = new LmdbAcceptorStore(tree)
    const key = keys.vote(toSlot(5))
    const record = encodeVote(key, vote(5))
    for (let bit = 0; bit < record.length * 8; bit += 3) {
      const changed = Buffer.from(record)
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      await environment.put(key, changed)
      const loaded = store.load(firstGroup, firstEpoch)
      assert.deepEqual(loaded.votes, [], `bit ${bit}`)
      assert.ok(loaded.unknown.includes(toSlot(5)))
    }
    await store.close()
  })
})

test('a tree with a key that nobody writes is refused', async () => {
  await withFile(async (open) => {
    const tree = await open()
    const { environment } = tree
    await environment.put(keys.promise, Buffer.from('x'))
    await environment.put(keys.vote(toSlot(1)), Buffer.from('x'))
    await environment.put(keys.piece(toSlot(1), 1), Buffer.from('x'))
    checkTree(environment)
    await environment.put(Buffer.concat([keys.vote(toSlot(1)), Buffer.of(1)]), Buffer.from('x'))
    assert.throws(() => checkTree(environment), PaxosError)
    await tree.close()
  })
})
