/** What every AcceptorStore must do. Run by each implementation's own test. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { PaxosError } from '../../src/base/error.ts'
import { settled } from '../../src/daemon/store/settled.ts'
import type { Ballot } from '../../src/protocol/ballot.ts'
import type { Write } from '../../src/protocol/effect.ts'
import type { Entry } from '../../src/protocol/entry.ts'
import {
  type EpochNumber,
  type GroupId,
  toEpochNumber,
  toGroupId,
  toIncarnation,
  toNodeId,
  toSlot,
} from '../../src/protocol/ids.ts'
import type { Vote } from '../../src/protocol/multipaxos/message.ts'
import type { AcceptorStore, GroupWrite, LoadedGroup } from '../../src/runtime/ports.ts'

export type Damage =
  | { readonly kind: 'promise' | 'chosen' | 'truncated' }
  | { readonly kind: 'vote'; readonly slot: number }

export interface OpenAcceptorStore {
  readonly store: AcceptorStore
  /** From now on, every commit fails. */
  breakDisk(): void
  close(): Promise<void>
}

/** One disk. `damage` changes a byte of a stored record while the store is closed. */
export interface AcceptorDisk {
  open(): Promise<OpenAcceptorStore>
  damage(group: GroupId, epoch: EpochNumber, damage: Damage): Promise<void>
  dispose(): Promise<void>
}

export const group = toGroupId('0')
export const epoch = toEpochNumber(1)

export function ballot(round: number, node = 1): Ballot {
  return { epoch, round, node: toNodeId(node), incarnation: toIncarnation(1), sub: 0 }
}

export function bytes(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + seed * 7 + (i >>> 8)) & 0xff)
}

export function vote(slot: number, round: number, payload: Uint8Array = bytes(20, slot)): Write & Vote {
  const entry: Entry = { kind: 'batch', payload }
  return { kind: 'vote', slot: toSlot(slot), ballot: ballot(round), entry, chosen: false }
}

export function durable(store: AcceptorStore, writes: readonly Write[], to = { group, epoch }): Promise<void> {
  const grouped: GroupWrite[] = writes.map((write) => ({ ...to, write }))
  return settled((done) => store.commit(grouped, done))
}

function slots(loaded: LoadedGroup): number[] {
  return loaded.votes.map((each) => each.slot)
}

/** Votes compare by content: a payload may be a Buffer or not. */
function plain(votes: readonly Vote[]): unknown[] {
  return votes.map(({ slot, ballot, entry, chosen }) => [
    slot,
    ballot,
    entry.kind,
    Buffer.from(entry.payload).toString('hex'),
    chosen,
  ])
}

export function acceptorStoreConformance(name: string, create: () => Promise<AcceptorDisk>): void {
  const withDisk = (title: string, body: (disk: AcceptorDisk) => Promise<void>): void => {
    test(title, async () => {
      const disk = await create()
      try {
        await body(disk)
      } finally {
        await disk.dispose()
      }
    })
  }
  const using = async <T>(disk: AcceptorDisk, body: (open: OpenAcceptorStore) => Promise<T>): Promise<T> => {
    const open = await disk.open()
    try {
      return await body(open)
    } finally {
      await open.close()
    }
  }
  suite(`${name} keeps the contract of AcceptorStore`, () => {
    keeping(withDisk, using)
    truncating(withDisk, using)
    damaged(withDisk, using)
    failing(withDisk, using)
  })
}

type WithDisk = (title: string, body: (disk: AcceptorDisk) => Promise<void>) => void
type Using = <T>(disk: AcceptorDisk, body: (open: OpenAcceptorStore) => Promise<T>) => Promise<T>

function keeping(withDisk: WithDisk, using: Using): void {
  withDisk('a group that was never written is empty', async (disk) => {
    const loaded = await using(disk, async ({ store }) => store.load(group, epoch))
    assert.deepEqual(loaded, { promised: undefined, chosenUpTo: 0, truncatedUpTo: 0, votes: [], unknown: [] })
  })

  withDisk('everything written comes back after reopening, votes in rising order', async (disk) => {
    const votes = [vote(2, 7), vote(0, 5), vote(300, 7, bytes(1900, 1)), vote(1, 6, new Uint8Array(0))]
    const learned: Write & Vote = { ...vote(4, 0), entry: { kind: 'stopSign', payload: bytes(9, 9) }, chosen: true }
    await using(disk, async ({ store }) => {
      await durable(store, [...votes, learned, { kind: 'promise', ballot: ballot(7, 3) }])
      await durable(store, [{ kind: 'chosen', upTo: toSlot(3) }])
    })
    const loaded = await using(disk, async ({ store }) => store.load(group, epoch))
    assert.deepEqual(loaded.promised, ballot(7, 3))
    assert.equal(loaded.chosenUpTo, 3)
    assert.deepEqual(plain(loaded.votes), plain([...votes, learned].sort((a, b) => a.slot - b.slot)))
    assert.deepEqual(loaded.unknown, [])
  })

  withDisk('commits of one turn take effect and are answered in call order', async (disk) => {
    const answered: number[] = []
    await using(disk, async ({ store }) => {
      const all = Array.from({ length: 50 }, (_, i) =>
        durable(store, [vote(0, i + 1, bytes(10, i)), { kind: 'promise', ballot: ballot(i + 1) }]).then(() => {
          answered.push(i)
        }),
      )
      await Promise.all(all)
    })
    assert.deepEqual(
      answered,
      [...answered].sort((a, b) => a - b),
    )
    const loaded = await using(disk, async ({ store }) => store.load(group, epoch))
    assert.deepEqual(loaded.promised, ballot(50))
    assert.deepEqual(plain(loaded.votes), plain([vote(0, 50, bytes(10, 49))]))
  })

  withDisk('a commit without writes is answered after those before it', async (disk) => {
    await using(disk, async ({ store }) => {
      const answered: string[] = []
      const first = durable(store, [vote(0, 1)]).then(() => answered.push('vote'))
      const second = durable(store, []).then(() => answered.push('nothing'))
      await Promise.all([first, second])
      assert.deepEqual(answered, ['vote', 'nothing'])
      await durable(store, [])
    })
  })

  withDisk('groups and epochs do not see each other', async (disk) => {
    const places = [
      { group: toGroupId('0'), epoch: toEpochNumber(1) },
      { group: toGroupId('0'), epoch: toEpochNumber(2) },
      { group: toGroupId('0-a'), epoch: toEpochNumber(1) },
      { group: toGroupId('00'), epoch: toEpochNumber(1) },
    ]
    await using(disk, async ({ store }) => {
      for (const [i, place] of places.entries()) {
        await durable(store, [vote(i, 1), { kind: 'chosen', upTo: toSlot(i) }], place)
      }
    })
    await using(disk, async ({ store }) => {
      for (const [i, place] of places.entries()) {
        const loaded = store.load(place.group, place.epoch)
        assert.deepEqual(slots(loaded), [i])
        assert.equal(loaded.chosenUpTo, i)
      }
    })
  })

  withDisk('votes of every size up to 4 MiB come back, and may be overwritten by another size', async (disk) => {
    const sizes = [4020, 4026, 4027, 4072, 8098, 8099, 70_000, 4 * 1024 * 1024]
    await using(disk, async ({ store }) => {
      await durable(
        store,
        sizes.map((size, i) => vote(i, 1, bytes(size, i))),
      )
    })
    const wanted = sizes.map((size, i) => vote(i, 2, bytes(sizes[sizes.length - 1 - i] ?? 0, i + size)))
    await using(disk, async ({ store }) => {
      const before = store.load(group, epoch)
      assert.deepEqual(before.unknown, [])
      assert.deepEqual(plain(before.votes), plain(sizes.map((size, i) => vote(i, 1, bytes(size, i)))))
      await durable(store, wanted)
    })
    // Without loading first: a store may be written to by one that knows the group is new.
    const small = wanted.map((_, i) => vote(i, 3, bytes(10, i)))
    await using(disk, async ({ store }) => durable(store, small.slice(0, 4)))
    const loaded = await using(disk, async ({ store }) => store.load(group, epoch))
    assert.deepEqual(loaded.unknown, [])
    assert.deepEqual(plain(loaded.votes), plain([...small.slice(0, 4), ...wanted.slice(4)]))
  })
}

function truncating(withDisk: WithDisk, using: Using): void {
  withDisk('truncated votes are gone at once and stay gone, those above stay', async (disk) => {
    await using(disk, async ({ store }) => {
      for (let from = 0; from < 1000; from += 250) {
        await durable(
          store,
          Array.from({ length: 250 }, (_, i) => vote(from + i, 1)),
        )
      }
      await durable(store, [vote(1000, 1, bytes(100_000, 1)), { kind: 'truncate', upTo: toSlot(990) }])
      assert.deepEqual(slots(store.load(group, epoch)), [990, 991, 992, 993, 994, 995, 996, 997, 998, 999, 1000])
    })
    await using(disk, async ({ store }) => {
      const loaded = store.load(group, epoch)
      assert.equal(loaded.truncatedUpTo, 990)
      assert.equal(loaded.votes.length, 11)
      await durable(store, [vote(1001, 1), { kind: 'truncate', upTo: toSlot(1001) }])
    })
    const loaded = await using(disk, async ({ store }) => store.load(group, epoch))
    assert.deepEqual(slots(loaded), [1001])
  })

  withDisk('the chosen watermark is never below the truncated one', async (disk) => {
    await using(disk, async ({ store }) => durable(store, [{ kind: 'truncate', upTo: toSlot(40) }]))
    const loaded = await using(disk, async ({ store }) => store.load(group, epoch))
    assert.equal(loaded.truncatedUpTo, 40)
    assert.equal(loaded.chosenUpTo, 40)
  })
}

function damaged(withDisk: WithDisk, using: Using): void {
  withDisk('a damaged vote is unknown, its neighbours are not', async (disk) => {
    await using(disk, async ({ store }) => {
      await durable(store, [vote(0, 1), vote(1, 1), vote(2, 1, bytes(20_000, 2)), vote(3, 1), vote(4, 1)])
    })
    await disk.damage(group, epoch, { kind: 'vote', slot: 1 })
    await disk.damage(group, epoch, { kind: 'vote', slot: 2 })
    await using(disk, async ({ store }) => {
      const loaded = store.load(group, epoch)
      assert.deepEqual(loaded.unknown, [1, 2])
      assert.deepEqual(slots(loaded), [0, 3, 4])
      await durable(store, [vote(1, 2), vote(2, 2)])
    })
    const repaired = await using(disk, async ({ store }) => store.load(group, epoch))
    assert.deepEqual(repaired.unknown, [])
    assert.deepEqual(slots(repaired), [0, 1, 2, 3, 4])
  })

  for (const kind of ['promise', 'truncated'] as const) {
    withDisk(`a damaged ${kind} record refuses the directory`, async (disk) => {
      await using(disk, async ({ store }) => {
        await durable(store, [
          { kind: 'promise', ballot: ballot(3) },
          { kind: 'truncate', upTo: toSlot(2) },
        ])
      })
      await disk.damage(group, epoch, { kind })
      await using(disk, async ({ store }) => {
        assert.throws(
          () => store.load(group, epoch),
          (error) => error instanceof PaxosError && error.code === 'DATA_DIR_REFUSED',
        )
      })
    })
  }

  withDisk('a damaged chosen watermark falls back to the truncated one', async (disk) => {
    await using(disk, async ({ store }) => {
      await durable(store, [vote(5, 1), { kind: 'truncate', upTo: toSlot(4) }, { kind: 'chosen', upTo: toSlot(6) }])
    })
    await disk.damage(group, epoch, { kind: 'chosen' })
    const loaded = await using(disk, async ({ store }) => store.load(group, epoch))
    assert.equal(loaded.chosenUpTo, 4)
    assert.deepEqual(slots(loaded), [5])
  })
}

function failing(withDisk: WithDisk, using: Using): void {
  withDisk('after a failure every commit is answered with an error, once, and none as done', async (disk) => {
    await using(disk, async ({ store, breakDisk }) => {
      await durable(store, [vote(0, 1)])
      const answers: (Error | undefined)[] = []
      const commit = (): void => store.commit([{ group, epoch, write: vote(1, 1) }], (error) => answers.push(error))
      commit()
      commit()
      breakDisk()
      commit()
      await assert.rejects(durable(store, [vote(2, 1)]), (error) => {
        return error instanceof PaxosError && error.code === 'STORE_FAILED'
      })
      // The two that were in flight may have been written, but nobody may be told so.
      await new Promise((resolve) => setTimeout(resolve, 50))
      assert.equal(answers.length, 3)
      assert.ok(answers.every((error) => error !== undefined))
    })
  })
}
