import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { PaxosError } from '../../src/base/error.ts'
import { Random } from '../../src/base/random.ts'
import { checkBackup, readChunks } from '../../src/daemon/backup/backup-file.ts'
import { backupFrame, decodeEntries, encodeAbandoned, encodeChunk } from '../../src/wire/backup-codec.ts'
import { encodeFrame, FrameDecoder } from '../../src/wire/frame.ts'
import { sample, sampleBackup, scratchFolder } from './sample-backup.ts'

interface Fixture {
  readonly bytes: Buffer
  check(bytes: Uint8Array): ReturnType<typeof checkBackup>
}

async function fixture(t: TestContext): Promise<Fixture> {
  const folder = scratchFolder(t)
  const path = join(folder, 'backup')
  return {
    bytes: Buffer.from(await sampleBackup(folder)),
    check: (bytes) => {
      writeFileSync(path, bytes)
      return checkBackup(path)
    },
  }
}

function framesOf(bytes: Uint8Array): { readonly type: number; readonly payload: Uint8Array }[] {
  const frames: { type: number; payload: Uint8Array }[] = []
  new FrameDecoder({ payloadBytesMax: bytes.length }).push(bytes, (type, payload) => frames.push({ type, payload }))
  return frames
}

function joined(frames: readonly { readonly type: number; readonly payload: Uint8Array }[]): Buffer {
  return Buffer.concat(frames.map(({ type, payload }) => encodeFrame(type, payload)))
}

function refusal(code: string, says: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof PaxosError, String(error))
    assert.equal(error.code, code, error.message)
    assert.match(error.message, says)
    return true
  }
}

test('a backup says what it holds, and gives out as much', async (t) => {
  const { bytes, check } = await fixture(t)
  const backup = await check(bytes)
  const { clusterId, revision, compactedRevision, keys, history, sessions, chunks } = backup.manifest
  assert.deepEqual({ clusterId, revision, keys, history, sessions }, { ...sample })
  assert.equal(compactedRevision, 0)
  assert.ok(chunks > 5, `${chunks} chunks`)
  assert.equal(backup.fileBytes, bytes.length)
  let entries = 0
  await readChunks(backup, async (chunk) => {
    entries += [...decodeEntries(chunk)].length
  })
  assert.equal(entries, backup.manifest.entries)
})

test('a flipped bit anywhere is noticed', async (t) => {
  const { bytes, check } = await fixture(t)
  const random = new Random(7)
  const places = new Set([0, 1, 2, 3, 15, 16, bytes.length - 1])
  while (places.size < 400) places.add(random.integer(0, bytes.length))
  for (const place of places) {
    const damaged = Buffer.from(bytes)
    const bit = random.integer(0, 8)
    damaged[place] = (damaged[place] ?? 0) ^ (1 << bit)
    await assert.rejects(check(damaged), refusal('BACKUP_DAMAGED', /is damaged/), `byte ${place}, bit ${bit}`)
  }
})

test('a file that ends anywhere too early is noticed', async (t) => {
  const { bytes, check } = await fixture(t)
  const random = new Random(8)
  const lengths = new Set([0, 1, 15, 16, bytes.length - 1])
  while (lengths.size < 200) lengths.add(random.integer(0, bytes.length))
  for (const length of lengths) {
    await assert.rejects(check(bytes.subarray(0, length)), refusal('BACKUP_DAMAGED', /cut short/), `${length} bytes`)
  }
  // Also where one part ends and the next begins.
  const frames = framesOf(bytes)
  for (let kept = 0; kept < frames.length; kept++) {
    await assert.rejects(check(joined(frames.slice(0, kept))), refusal('BACKUP_DAMAGED', /cut short/))
  }
})

test('parts that are each whole, but missing, doubled, swapped or added, are noticed', async (t) => {
  const { bytes, check } = await fixture(t)
  const frames = framesOf(bytes)
  const [header, first, second, ...rest] = frames
  assert.ok(header && first && second)
  const wrong: readonly (readonly [name: string, frames: typeof frames])[] = [
    ['missing', [header, second, ...rest]],
    ['doubled', [header, first, first, second, ...rest]],
    ['swapped', [header, second, first, ...rest]],
    ['a second end', [...frames, ...frames.slice(-1)]],
    ['a second backup', [...frames, ...frames]],
    ['two headers', [header, ...frames]],
    ['no header', frames.slice(1)],
    ['a part of another kind', [header, first, { type: 9, payload: new Uint8Array(3) }, second, ...rest]],
  ]
  for (const [name, damaged] of wrong) {
    await assert.rejects(check(joined(damaged)), refusal('BACKUP_DAMAGED', /is damaged/), name)
  }
})

test('a manifest that does not fit the content is noticed, by name', async (t) => {
  const { bytes, check } = await fixture(t)
  const frames = framesOf(bytes)
  const last = frames.at(-1)
  assert.equal(last?.type, backupFrame.manifest)
  const manifest = JSON.parse(Buffer.from(last.payload).toString('utf8'))
  const other = 'f'.repeat(64)
  for (const [name, value] of Object.entries({
    keys: 1,
    revision: 2,
    sessions: 3,
    contentSha256: other,
    keysSha256: other,
  })) {
    const payload = Buffer.from(JSON.stringify({ ...manifest, [name]: value }))
    const damaged = joined([...frames.slice(0, -1), { type: backupFrame.manifest, payload }])
    await assert.rejects(check(damaged), refusal('BACKUP_DAMAGED', new RegExp(`manifest says ${name} ${value}`)))
  }
  const payload = Buffer.from(JSON.stringify({ ...manifest, keys: -1 }))
  const senseless = joined([...frames.slice(0, -1), { type: backupFrame.manifest, payload }])
  await assert.rejects(check(senseless), refusal('BACKUP_DAMAGED', /nothing sensible about keys/))
})

test('a chunk that is larger than it says, or no compressed data at all, is noticed', async (t) => {
  const { bytes, check } = await fixture(t)
  const [header, first, ...rest] = framesOf(bytes)
  assert.ok(header && first)
  const compressed = first.payload.subarray(8)
  for (const chunk of [encodeChunk(0, 100, compressed), encodeChunk(0, 100, Buffer.from('nothing'))]) {
    const damaged = Buffer.concat([joined([header]), chunk, joined(rest)])
    await assert.rejects(check(damaged), refusal('BACKUP_DAMAGED', /chunk 0, .*cannot be decompressed/))
  }
})

test('a file of a newer format is refused with the version that wrote it', async (t) => {
  const { bytes, check } = await fixture(t)
  const frames = framesOf(bytes)
  const payload = Buffer.from(JSON.stringify({ kind: 'paxos backup', format: 3, program: '9.8.7' }))
  const newer = joined([{ type: backupFrame.header, payload }, ...frames.slice(1)])
  await assert.rejects(check(newer), (error) => {
    assert.ok(error instanceof PaxosError && error.hint?.includes('9.8.7'))
    return refusal('BACKUP_REFUSED', /has format 3, and this version knows up to 2/)(error)
  })
})

test('another file is not taken for a backup', async (t) => {
  const { check } = await fixture(t)
  const other = check(Buffer.from('{"key":"a","value":"b"}\n'))
  await assert.rejects(other, refusal('BACKUP_DAMAGED', /it is no backup/))
  await assert.rejects(checkBackup(join(scratchFolder(t), 'none')), refusal('USAGE', /Cannot read .*none/))
})

test('what was abandoned on the way does not count, only the whole snapshot after it', async (t) => {
  const { bytes, check } = await fixture(t)
  const begun = joined(framesOf(bytes).slice(0, 3))
  const stream = Buffer.concat([begun, encodeAbandoned(), bytes])
  const backup = await check(stream)
  assert.equal(backup.manifest.keys, sample.keys)
  let entries = 0
  await readChunks(backup, async (chunk) => {
    entries += [...decodeEntries(chunk)].length
  })
  assert.equal(entries, backup.manifest.entries)
  await assert.rejects(check(Buffer.concat([begun, encodeAbandoned()])), refusal('BACKUP_DAMAGED', /cut short/))
})

test('a file that changes between its two readings is noticed', async (t) => {
  const { bytes, check } = await fixture(t)
  const backup = await check(bytes)
  const damaged = Buffer.from(bytes)
  damaged[bytes.length >> 1] = (damaged[bytes.length >> 1] ?? 0) ^ 1
  writeFileSync(backup.path, damaged)
  await assert.rejects(
    readChunks(backup, async () => {}),
    refusal('BACKUP_DAMAGED', /is damaged/),
  )
})
