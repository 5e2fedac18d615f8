/** What every StateStore must do. Run by each implementation's own test. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { PaxosError } from '../../src/base/error.ts'
import { settled } from '../../src/daemon/store/settled.ts'
import { toSlot } from '../../src/protocol/ids.ts'
import type { StateInstall, StateStore } from '../../src/runtime/ports.ts'

export interface OpenStateStore {
  readonly store: StateStore
  breakDisk(): void
  close(): Promise<void>
}

export interface StateDisk {
  open(): Promise<OpenStateStore>
  /** Changes a byte of the stored value of `key` while the store is closed. */
  damage(key: string): Promise<void>
  dispose(): Promise<void>
}

export type Data = readonly (readonly [key: string, value: string])[]

export function changes(data: readonly (readonly [string, string | null])[]): Map<string, Uint8Array | null> {
  return new Map(data.map(([key, value]) => [key, value === null ? null : Buffer.from(value, 'latin1')]))
}

export function contents(store: StateStore, start = '', end?: string): Data {
  return [...store.view.range(start, end)].map(([key, value]) => [key, Buffer.from(value).toString('latin1')])
}

function numbered(count: number, tag: string): Data {
  return Array.from({ length: count }, (_, i) => [`k${String(i).padStart(6, '0')}`, `${tag}${i}`.repeat(20)])
}

export function stateStoreConformance(name: string, create: () => Promise<StateDisk>): void {
  const withDisk = (title: string, body: (disk: StateDisk) => Promise<void>): void => {
    test(title, async () => {
      const disk = await create()
      try {
        await body(disk)
      } finally {
        await disk.dispose()
      }
    })
  }
  suite(`${name} keeps the contract of StateStore`, () => {
    committing(withDisk)
    snapshots(withDisk)
    installing(withDisk)
    failures(withDisk)
  })
}

type WithDisk = (title: string, body: (disk: StateDisk) => Promise<void>) => void

async function using<T>(disk: StateDisk, body: (open: OpenStateStore) => Promise<T>): Promise<T> {
  const open = await disk.open()
  try {
    return await body(open)
  } finally {
    await open.close()
  }
}

function committing(withDisk: WithDisk): void {
  withDisk('puts and deletes are there after reopening, in byte order', async (disk) => {
    const long = `x${'\xff'.repeat(3998)}y`
    const data: Data = [
      ['\0', 'nul'],
      ['a', ''],
      ['a\0', 'least above a'],
      ['a\xff', 'high'],
      ['b', 'value'],
      [long, 'longest key'],
    ]
    await using(disk, async ({ store }) => {
      await settled((done) => store.commit(changes([...data, ['gone', 'x']]), done))
      await settled((done) =>
        store.commit(
          changes([
            ['gone', null],
            ['never', null],
          ]),
          done,
        ),
      )
    })
    await using(disk, async ({ store }) => {
      assert.deepEqual(contents(store), data)
      assert.deepEqual(contents(store, 'a', 'b'), data.slice(1, 4))
      assert.deepEqual(contents(store, 'a\0', undefined), data.slice(2))
      assert.deepEqual(contents(store, 'b', 'a'), [])
      assert.equal(store.view.get('gone'), undefined)
      assert.equal(Buffer.from(store.view.get('b') ?? []).toString(), 'value')
      assert.equal(Buffer.from(store.view.get(long) ?? []).toString(), 'longest key')
    })
  })

  withDisk('the view shows a commit in flight, over what is stored', async (disk) => {
    await using(disk, async ({ store }) => {
      await settled((done) =>
        store.commit(
          changes([
            ['a', '1'],
            ['c', '1'],
            ['e', '1'],
            ['g', '1'],
          ]),
          done,
        ),
      )
      const newer = changes([
        ['b', '2'],
        ['c', '2'],
        ['e', null],
        ['h', '2'],
        ['z', null],
      ])
      const done = settled((settle) => store.commit(newer, settle))
      const wanted: Data = [
        ['a', '1'],
        ['b', '2'],
        ['c', '2'],
        ['g', '1'],
        ['h', '2'],
      ]
      assert.deepEqual(contents(store), wanted)
      assert.deepEqual(contents(store, 'b', 'g'), wanted.slice(1, 3))
      assert.equal(store.view.get('e'), undefined)
      assert.equal(Buffer.from(store.view.get('c') ?? []).toString(), '2')
      await done
      assert.deepEqual(contents(store), wanted)
    })
  })

  withDisk('bytes that were read stay as they are', async (disk) => {
    await using(disk, async ({ store }) => {
      await settled((done) =>
        store.commit(
          changes([
            ['a', 'one'],
            ['b', 'two'],
          ]),
          done,
        ),
      )
      const a = store.view.get('a')
      const [ranged] = [...store.view.range('a', 'b')]
      await settled((done) =>
        store.commit(
          changes([
            ['a', 'six'],
            ['b', 'ten'],
          ]),
          done,
        ),
      )
      store.view.get('b')
      assert.equal(Buffer.from(a ?? []).toString(), 'one')
      assert.equal(Buffer.from(ranged?.[1] ?? []).toString(), 'one')
    })
  })

  withDisk('a large commit and large values come back whole', async (disk) => {
    const data = numbered(5000, 'v')
    const big = Buffer.alloc(1024 * 1024, 'z').toString('latin1')
    await using(disk, async ({ store }) => {
      await settled((done) => store.commit(changes([...data, ['z', big]]), done))
    })
    await using(disk, async ({ store }) => assert.deepEqual(contents(store), [...data, ['z', big]]))
  })
}

function snapshots(withDisk: WithDisk): void {
  withDisk('a snapshot shows one commit, page by page, from any key on', async (disk) => {
    await using(disk, async ({ store }) => {
      const data = numbered(1000, 'v')
      await settled((done) => store.commit(changes(data), done))
      const snapshot = store.snapshot(toSlot(17))
      assert.equal(snapshot.appliedUpTo, 17)
      await settled((done) =>
        store.commit(
          changes([
            ['k000500', null],
            ['k000000', 'x'],
            ['zzz', 'x'],
          ]),
          done,
        ),
      )
      const read: [string, string][] = []
      let pages = 0
      for (let after: string | undefined; ; pages++) {
        const page = snapshot.page(after, 10_000)
        for (const [key, value] of page.entries) read.push([key, Buffer.from(value).toString('latin1')])
        after = page.entries.at(-1)?.[0]
        if (page.done) break
        await new Promise((resolve) => setImmediate(resolve))
      }
      assert.deepEqual(read, data)
      assert.ok(pages > 3)
      // Resumed, as after a lost answer.
      const again = snapshot.page('k000399', 1)
      assert.deepEqual(
        again.entries.map(([key]) => key),
        ['k000400'],
      )
      assert.equal(again.done, false)
      snapshot.close()
      assert.throws(
        () => snapshot.page(undefined, 1),
        (error) => error instanceof PaxosError && error.code === 'NOT_FOUND',
      )
      snapshot.close()
    })
  })
}

function installing(withDisk: WithDisk): void {
  const receive = async (install: StateInstall, data: Data): Promise<void> => {
    const entries = [...changes(data)].map(([key, value]) => [key, value ?? new Uint8Array(0)] as const)
    for (let at = 0; at < entries.length; at += 300) {
      await settled((done) => install.put(entries.slice(at, at + 300), done))
    }
  }

  withDisk('an install changes nothing until it is finished, then everything', async (disk) => {
    const old: Data = [
      ['old', '1'],
      ['k000001', 'old'],
    ]
    const received = numbered(1000, 'new')
    await using(disk, async ({ store }) => {
      await settled((done) => store.commit(changes(old), done))
      const install = store.install()
      await receive(install, received)
      assert.deepEqual(contents(store), [...old].reverse())
      await settled((done) => install.finish(done))
      assert.deepEqual(contents(store), received)
      await settled((done) => store.commit(changes([['later', '1']]), done))
    })
    await using(disk, async ({ store }) => assert.deepEqual(contents(store), [...received, ['later', '1']]))
  })

  withDisk('an install that was not finished leaves no trace', async (disk) => {
    await using(disk, async ({ store }) => {
      await settled((done) => store.commit(changes([['old', '1']]), done))
      await receive(store.install(), numbered(100, 'half'))
      const aborted = store.install()
      await receive(aborted, numbered(100, 'aborted'))
      aborted.abort()
    })
    await using(disk, async ({ store }) => {
      assert.deepEqual(contents(store), [['old', '1']])
      const install = store.install()
      await receive(install, [['a', 'b']])
      await settled((done) => install.finish(done))
      assert.deepEqual(contents(store), [['a', 'b']])
    })
  })

  withDisk('installs may follow each other, and take open snapshots of the old data with them', async (disk) => {
    await using(disk, async ({ store }) => {
      await settled((done) => store.commit(changes(numbered(50, 'old')), done))
      for (const round of ['one', 'two', 'three']) {
        const snapshot = store.snapshot(toSlot(1))
        const install = store.install()
        await receive(install, [[round, round]])
        await settled((done) => install.finish(done))
        assert.deepEqual(contents(store), [[round, round]])
        assert.throws(() => snapshot.page(undefined, 1), PaxosError)
      }
    })
    await using(disk, async ({ store }) => assert.deepEqual(contents(store), [['three', 'three']]))
  })

  withDisk('a key that cannot be stored is refused without harm', async (disk) => {
    await using(disk, async ({ store }) => {
      const install = store.install()
      for (const key of ['', 'x'.repeat(4001)]) {
        assert.throws(
          () => install.put([[key, new Uint8Array(1)]], () => {}),
          (error) => error instanceof PaxosError && error.code === 'BAD_FRAME',
        )
      }
      install.abort()
      await settled((done) => store.commit(changes([['a', '1']]), done))
      assert.deepEqual(contents(store), [['a', '1']])
    })
  })
}

function failures(withDisk: WithDisk): void {
  const failed = (error: unknown): boolean => error instanceof PaxosError && error.code === 'STORE_FAILED'

  withDisk('a damaged record is an error when read, never a missing key', async (disk) => {
    await using(disk, async ({ store }) => {
      await settled((done) =>
        store.commit(
          changes([
            ['a', 'first'],
            ['b', 'second'],
            ['c', 'third'],
          ]),
          done,
        ),
      )
    })
    await disk.damage('b')
    await using(disk, async ({ store }) => {
      assert.equal(Buffer.from(store.view.get('a') ?? []).toString(), 'first')
      assert.throws(() => store.view.get('b'), failed)
      assert.throws(() => contents(store), failed)
    })
  })

  withDisk('after a failure every commit and install is answered with an error', async (disk) => {
    await using(disk, async ({ store, breakDisk }) => {
      await settled((done) => store.commit(changes([['a', '1']]), done))
      const install = store.install()
      breakDisk()
      await assert.rejects(
        settled((done) => store.commit(changes([['a', '2']]), done)),
        failed,
      )
      await assert.rejects(
        settled((done) => install.put([['a', new Uint8Array(1)]], done)),
        failed,
      )
      await assert.rejects(
        settled((done) => install.finish(done)),
        failed,
      )
    })
  })
}
