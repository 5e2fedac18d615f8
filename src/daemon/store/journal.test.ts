/** The ring against a list of what must be in it, and against every way in which a crash can cut its last record short. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { PaxosError } from '../../base/error.ts'
import { Random } from '../../base/random.ts'
import { Journal, type JournalPosition } from './journal.ts'
import { blockBytes, encodeMark, recordBytes } from './journal-codec.ts'
import { journalFile, readJournal } from './journal-file.ts'
import { journalKey } from './keys.ts'
import { encodeRecord } from './record.ts'
import type { RecordTree, TreeWrite } from './record-tree.ts'

const blocks = 16

interface Opened {
  readonly directory: string
  readonly path: string
  readonly journal: Journal
  /** What a reader finds that knows the journal to be taken over up to `position`. */
  read(position: JournalPosition): Promise<readonly TreeWrite[]>
}

async function open(t: TestContext): Promise<Opened> {
  const directory = mkdtempSync(join(tmpdir(), 'paxos-journal-'))
  const path = join(directory, journalFile)
  writeFileSync(path, Buffer.alloc(blocks * blockBytes))
  const journal = await Journal.open(path)
  t.after(async () => {
    await journal.close()
    rmSync(directory, { recursive: true })
  })
  const read = async (position: JournalPosition): Promise<readonly TreeWrite[]> => {
    const layer = await readJournal(directory, markedTree(journal, position))
    return [...layer.writes.values()]
  }
  return { directory, path, journal, read }
}

/** An acceptor's tree with nothing in it but the mark. */
function markedTree(journal: Journal, position: JournalPosition): RecordTree {
  const mark = encodeRecord(journalKey, encodeMark(journal.markAt(position)))
  return {
    get: (key) => (Buffer.compare(key, journalKey) === 0 ? mark : undefined),
    getRange: () => [],
    getKeys: () => [],
  }
}

/** One change of a key of its own, so that a layer keeps all of them. */
function change(n: number, bytes: number): TreeWrite {
  const key = Buffer.from(`key ${n}`)
  return { key, value: n % 7 === 3 ? undefined : Buffer.alloc(bytes, n) }
}

function plain(writes: readonly TreeWrite[]): readonly (readonly [string, string | undefined])[] {
  return writes.map(({ key, value }) => [
    Buffer.from(key).toString(),
    value === undefined ? undefined : Buffer.from(value).toString('hex'),
  ])
}

test('what was appended and not released is read back, wherever the ring begins and ends', async (t) => {
  const { journal, read } = await open(t)
  const random = new Random(11)
  let kept: { readonly write: TreeWrite; readonly after: JournalPosition }[] = []
  let released = journal.end
  let wraps = 0
  let refusals = 0
  for (let n = 0; n < 600; n++) {
    const write = change(n, random.integer(0, 4 * blockBytes))
    const { at } = journal.end
    const appended = journal.append([write])
    if (appended !== undefined) {
      await appended
      if (journal.end.at <= at) wraps++
      kept.push({ write, after: journal.end })
    } else {
      refusals++
      assert.ok(kept.length > 0, 'an empty ring refuses what fits into it')
    }
    assert.deepEqual(plain(await read(released)), plain(kept.map((each) => each.write)))
    if (!random.chance(0.4) || kept.length === 0) continue
    const upTo = random.integer(1, kept.length + 1)
    released = kept[upTo - 1]?.after ?? released
    journal.release(released)
    kept = kept.slice(upTo)
  }
  assert.ok(wraps > 50 && refusals > 20, `${wraps} wraps, ${refusals} refusals`)
})

test('a ring that is full of one record takes no other, and more than the ring is refused', async (t) => {
  const { journal, read } = await open(t)
  const start = journal.end
  const full = change(1, blocks * blockBytes - 100)
  assert.equal(recordBytes([full]), blocks * blockBytes)
  assert.equal(journal.append([change(1, blocks * blockBytes)]), undefined)
  await journal.append([full])
  assert.deepEqual(plain(await read(start)), plain([full]))
  assert.equal(journal.append([change(2, 1)]), undefined)
  journal.release(journal.end)
  await journal.append([full])
  assert.equal(journal.append([change(2, 1)]), undefined)
})

test('a record that a crash cut short is not there, whichever sectors of it were written, and those before it are', async (t) => {
  const { path, journal, read } = await open(t)
  const start = journal.end
  const random = new Random(5)
  const before = [change(1, 300), change(2, 9000)]
  for (const write of before) await journal.append([write])
  const old = readFileSync(path)
  const last = change(4, 3 * blockBytes)
  await journal.append([last])
  const whole = readFileSync(path)
  const from = 4 * blockBytes
  assert.ok(old.subarray(0, from).equals(whole.subarray(0, from)), 'a block of an earlier record was written again')
  const sectors = recordBytes([last]) / 512
  let cut = 0
  for (let round = 0; round < 400; round++) {
    const image = Buffer.from(old)
    let missing = 0
    for (let sector = 0; sector < sectors; sector++) {
      const at = from + sector * 512
      if (random.chance(round % 2 === 0 ? 0.5 : 0.97)) whole.copy(image, at, at, at + 512)
      else if (!whole.subarray(at, at + 512).equals(old.subarray(at, at + 512))) missing++
    }
    writeFileSync(path, image)
    assert.deepEqual(plain(await read(start)), plain(missing > 0 ? before : [...before, last]))
    if (missing > 0) cut++
  }
  assert.ok(cut > 200)
})

test('a damaged record with another behind it was acknowledged: the directory is refused', async (t) => {
  const { path, journal, read } = await open(t)
  const start = journal.end
  for (let n = 0; n < 4; n++) await journal.append([change(n, 500)])
  const whole = readFileSync(path)
  const isRefused = (error: unknown): boolean =>
    error instanceof PaxosError && error.code === 'DATA_DIR_REFUSED' && /acceptor\.journal/.test(error.message)
  for (let bit = 0; bit < 500 * 8; bit += 13) {
    const image = Buffer.from(whole)
    const at = blockBytes + (bit >> 3)
    image[at] = (image[at] ?? 0) ^ (1 << (bit & 7))
    writeFileSync(path, image)
    await assert.rejects(read(start), isRefused, `bit ${bit}`)
  }
  writeFileSync(path, whole.subarray(0, -blockBytes))
  await assert.rejects(read(start), isRefused)
  rmSync(path)
  await assert.rejects(read(start), isRefused)
  writeFileSync(path, whole)
  assert.equal((await read(start)).length, 4)
})

test('what an earlier run left in the file is none of this run', async (t) => {
  const { directory, path, journal } = await open(t)
  for (let n = 0; n < 3; n++) await journal.append([change(n, 500)])
  const next = await Journal.open(path)
  t.after(() => next.close())
  const tree = markedTree(next, next.end)
  assert.equal((await readJournal(directory, tree)).isEmpty, true)
  // In the place of the first record of the earlier run; the second still lies behind it.
  await next.append([change(9, 100)])
  assert.deepEqual(plain([...(await readJournal(directory, tree)).writes.values()]), plain([change(9, 100)]))
})
