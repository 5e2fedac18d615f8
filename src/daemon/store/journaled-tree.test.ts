import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { PaxosError } from '../../base/error.ts'
import { openEnvironment } from './environment.ts'
import { FailStop } from './fail-stop.ts'
import { blockBytes } from './journal-codec.ts'
import { ensureJournalFile, journalFile } from './journal-file.ts'
import { journalLimits } from './journal-limits.ts'
import type { JournaledTree } from './journaled-tree.ts'
import { journalKey, peerIncarnationKeys } from './keys.ts'
import { openJournaledTree } from './open-journaled-tree.ts'
import type { TreeWrite } from './record-tree.ts'
import { settled } from './settled.ts'
import { readStoppedTree } from './stopped-tree.ts'

const acceptorFile = 'acceptor.mdb'

interface Opened {
  readonly directory: string
  readonly failStop: FailStop
  readonly tree: JournaledTree
}

function newDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'paxos-tree-'))
  t.after(() => rmSync(directory, { recursive: true }))
  return directory
}

async function open(directory: string): Promise<Opened> {
  const environment = openEnvironment(join(directory, acceptorFile), { pageSize: 4096, readOnly: false })
  const failStop = new FailStop({ commitDeadlineMs: 10_000, onFailure: () => {} })
  const stopped = await readStoppedTree(directory, environment)
  await ensureJournalFile(directory)
  const tree = await openJournaledTree(directory, { environment, stopped, failStop, foldMs: 60_000 })
  return { directory, failStop, tree }
}

/** What a crash right now would leave, while nothing is being written to LMDB. */
async function copy(t: TestContext, from: string): Promise<string> {
  const to = newDirectory(t)
  for (const name of [acceptorFile, journalFile]) copyFileSync(join(from, name), join(to, name))
  return to
}

function key(n: number): Uint8Array {
  return Buffer.concat([peerIncarnationKeys.start, Buffer.from(String(n).padStart(8, '0'))])
}

function put(n: number, text = `value ${n}`): TreeWrite {
  return { key: key(n), value: Buffer.from(text) }
}

function write(tree: JournaledTree, ...writes: readonly TreeWrite[]): Promise<void> {
  return settled((done) => tree.write(writes, done))
}

function textsIn(tree: Pick<JournaledTree, 'getRange'>): string[] {
  return [...tree.getRange(peerIncarnationKeys)].map(({ value }) => Buffer.from(value).toString())
}

test('a change can be read once it is durable, long before it is in LMDB, and a crash loses none', async (t) => {
  const first = await open(newDirectory(t))
  const { tree } = first
  const written = write(tree, put(1), put(2))
  assert.deepEqual(textsIn(tree), [])
  await written
  assert.deepEqual(textsIn(tree), ['value 1', 'value 2'])
  assert.deepEqual(textsIn(tree.environment), [])
  await write(tree, { key: key(1), value: undefined }, put(2, 'again'))
  assert.deepEqual(textsIn(tree), ['again'])
  const second = await open(await copy(t, first.directory))
  assert.deepEqual(textsIn(second.tree), ['again'])
  assert.deepEqual(textsIn(second.tree.environment), ['again'])
  await tree.fold()
  assert.deepEqual(textsIn(tree.environment), ['again'])
  await write(tree, put(3))
  const third = await open(await copy(t, first.directory))
  assert.deepEqual(textsIn(third.tree), ['again', 'value 3'])
  for (const opened of [first, second, third]) await opened.tree.close()
})

test('calls of one turn are one record; calls take effect, and are answered, in order', async (t) => {
  const { directory, tree } = await open(newDirectory(t))
  const order: number[] = []
  const calls = [1, 2, 3].map((n) => write(tree, put(7, `call ${n}`)).then(() => order.push(n)))
  const empty = write(tree).then(() => order.push(4))
  await Promise.all([...calls, empty])
  assert.deepEqual(order, [1, 2, 3, 4])
  assert.deepEqual(textsIn(tree), ['call 3'])
  // A record has blocks of its own: with a second one, the second block were written.
  const blocks = readFileSync(join(directory, journalFile))
  assert.ok(blocks.subarray(0, blockBytes).some((byte) => byte !== 0))
  assert.ok(blocks.subarray(blockBytes).every((byte) => byte === 0))
  const image = await open(await copy(t, directory))
  assert.deepEqual(textsIn(image.tree), ['call 3'])
  await image.tree.close()
  await tree.close()
})

test('more than the journal holds is written all the same, whole and in its turn', async (t) => {
  const { directory, tree } = await open(newDirectory(t))
  const before = write(tree, put(1, 'before'))
  await before
  const large = Buffer.alloc(1_000_000, 'x').toString()
  const many = Array.from({ length: 12 }, (_, n) => put(10 + n, large))
  const through = write(tree, put(1, 'with it'), ...many)
  await new Promise(setImmediate)
  const after = write(tree, put(2, 'after'))
  await through
  assert.deepEqual(Buffer.from(tree.environment.get(key(1)) ?? []).toString(), 'with it')
  await after
  await tree.fold()
  assert.deepEqual(textsIn(tree.environment), ['with it', 'after', ...many.map(() => large)])
  assert.equal(statSync(join(directory, journalFile)).size, journalLimits.journalBytes)
  await tree.close()
})

test('a stream of changes goes around the journal many times, and waits for room', async (t) => {
  const { directory, tree } = await open(newDirectory(t))
  const text = Buffer.alloc(200_000, 'y').toString()
  const all: Promise<void>[] = []
  for (let n = 0; n < 200; n++) {
    all.push(write(tree, put(n % 16, `${n} ${text}`)))
    if (n % 4 === 0) await all.at(-1)
  }
  await Promise.all(all)
  const expected = Array.from({ length: 16 }, (_, n) => `${n + (n < 8 ? 192 : 176)} ${text}`)
  assert.deepEqual(textsIn(tree), expected)
  await tree.close()
  const again = await open(directory)
  assert.deepEqual(textsIn(again.tree), expected)
  await again.tree.close()
})

test('background steps and what waits for LMDB get their turn', async (t) => {
  const { tree } = await open(newDirectory(t))
  await write(tree, put(1), put(2), put(3))
  const seen: string[][] = []
  tree.whenFolded(() => {
    seen.push(textsIn(tree.environment))
    const left = [1, 2]
    tree.inBackground(() => {
      const n = left.shift()
      return n === undefined ? undefined : tree.environment.remove(key(n))
    })
  })
  await tree.fold()
  assert.deepEqual(seen, [['value 1', 'value 2', 'value 3']])
  while (textsIn(tree).length > 1) {
    await write(tree, put(9))
    await write(tree, { key: key(9), value: undefined })
  }
  assert.deepEqual(textsIn(tree), ['value 3'])
  await tree.close()
})

test('after a failure nothing is acknowledged, and closing does not wait for the disk', async (t) => {
  const { failStop, tree } = await open(newDirectory(t))
  await write(tree, put(1))
  const failed = new PaxosError('STORE_FAILED', 'broken by the test')
  const inFlight = write(tree, put(2))
  await Promise.resolve()
  failStop.fail(failed)
  const late = write(tree, put(3))
  await assert.rejects(inFlight, failed)
  await assert.rejects(late, failed)
  await assert.rejects(tree.fold(), failed)
  await tree.close()
  await tree.environment.close()
})

test('a directory without a mark gets a journal; one whose journal is gone is refused', async (t) => {
  const directory = newDirectory(t)
  const environment = openEnvironment(join(directory, acceptorFile), { pageSize: 4096, readOnly: false })
  await environment.put(key(1), Buffer.from('of an earlier format'))
  await environment.close()
  const { tree } = await open(directory)
  assert.deepEqual(textsIn(tree), ['of an earlier format'])
  assert.ok(tree.environment.get(journalKey) !== undefined)
  await tree.close()
  rmSync(join(directory, journalFile))
  await assert.rejects(
    open(directory),
    (error) => error instanceof PaxosError && error.code === 'DATA_DIR_REFUSED' && /is missing/.test(error.message),
  )
})
