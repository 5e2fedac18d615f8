/** Increments on files: what they can be restored to, and what is refused. test/backup/increment.test.ts has the clusters. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { toBinary } from '../../src/base/bytes.ts'
import { PaxosError } from '../../src/base/error.ts'
import { Random } from '../../src/base/random.ts'
import { type BackupChain, checkChain } from '../../src/daemon/backup/backup-chain.ts'
import { checkBackup, readChunks } from '../../src/daemon/backup/backup-file.ts'
import { materialize } from '../../src/daemon/backup/materialize.ts'
import type { RestorePoint } from '../../src/daemon/backup/restore-point.ts'
import { keyOfItem, recordKind } from '../../src/machine/layout.ts'
import { decodeItem } from '../../src/machine/records.ts'
import { backupFrame, decodeEntries } from '../../src/wire/backup-codec.ts'
import { encodeFrame, FrameDecoder } from '../../src/wire/frame.ts'
import { scratchFolder } from './sample-backup.ts'
import { type Moment, SampleChain } from './sample-chain.ts'

interface Fixture {
  readonly sample: SampleChain
  readonly paths: readonly string[]
  readonly chain: BackupChain
  /** What a restore to the point holds. */
  restored(
    point: RestorePoint,
  ): Promise<{ readonly revision: number; readonly applied: number; readonly keys: Moment['keys'] }>
}

async function fixture(t: TestContext, seed = 1): Promise<Fixture> {
  const folder = scratchFolder(t)
  const sample = new SampleChain(folder, seed)
  sample.write(40)
  const paths = [await sample.full()]
  for (let n = 0; n < 2; n++) {
    sample.write(60)
    paths.push(await sample.increment())
  }
  const chain = await checkChain(paths)
  const restored: Fixture['restored'] = async (point) => {
    const backup = await materialize(chain, point, mkdtempSync(join(folder, 'scratch-')))
    const keys = new Map<string, string>()
    await readChunks(backup, async (chunk) => {
      for (const { key, value } of decodeEntries(chunk)) {
        if (recordKind(key) !== 'item') continue
        const item = decodeItem(keyOfItem(key), value)
        keys.set(item.key, `${toBinary(item.value)} ${item.modRevision} ${item.version}`)
      }
    })
    const { revision, applied } = backup.manifest
    return { revision, applied, keys }
  }
  return { sample, paths, chain, restored }
}

function refusal(code: string, says: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof PaxosError, String(error))
    assert.equal(error.code, code, error.message)
    assert.match(`${error.message}\n${error.hint}`, says)
    return true
  }
}

test('the end of all increments is the state that the machine came to, to the byte', async (t) => {
  const { sample, paths, chain } = await fixture(t)
  const last = sample.afterSlots.at(-1)
  assert.deepEqual([chain.end.revision, chain.end.applied], [last?.revision, last?.slot])
  const folder = scratchFolder(t)
  const backup = await materialize(chain, { kind: 'end' }, folder)
  // A full backup of the same moment is the same, history and sessions too: so is the cluster that is restored from it.
  const full = await checkBackup(await sample.full())
  assert.equal(backup.manifest.contentSha256, full.manifest.contentSha256)
  // And with each of the increments alone.
  const one = await materialize(await checkChain(paths.slice(0, 2)), { kind: 'end' }, mkdtempSync(join(folder, 's-')))
  assert.equal(one.manifest.applied, chain.increments[0]?.manifest.applied)
})

test('every revision is what it was then, also in the middle of a batch', async (t) => {
  const { sample, chain, restored } = await fixture(t)
  const random = new Random(2)
  const [least, most] = [chain.base.manifest.revision, chain.end.revision]
  const wanted = new Set([least, least + 1, most - 1, most, chain.increments[0]?.manifest.revision ?? 0])
  while (wanted.size < 25) wanted.add(random.integer(least, most))
  for (const revision of wanted) {
    const found = await restored({ kind: 'revision', revision })
    assert.equal(found.revision, revision)
    assert.deepEqual(found.keys, sample.atRevisions.get(revision)?.keys, `revision ${revision}`)
  }
})

test('a slot is left out with all after it', async (t) => {
  const { sample, chain, restored } = await fixture(t)
  const { applied } = chain.base.manifest
  for (const slot of [applied, applied + 1, applied + 33, applied + 60, applied + 61, chain.end.applied]) {
    const found = await restored({ kind: 'slot', slot })
    const moment = sample.afterSlots.find((each) => each.slot === slot)
    assert.deepEqual(found, { revision: moment?.revision, applied: slot, keys: moment?.keys })
  }
})

test('a time ends before the first batch that is later, even when clocks go back after it', async (t) => {
  const { sample, chain, restored } = await fixture(t)
  const { applied } = chain.base.manifest
  const after = sample.afterSlots.filter(({ slot }) => slot >= applied)
  const times = new Set(after.filter((_, n) => n % 9 === 0).flatMap(({ timeMs = 0 }) => [timeMs, timeMs + 1]))
  times.add(Date.parse(chain.end.createdAt))
  for (const timeMs of times) {
    if (timeMs < chain.base.meta.clockMs) continue
    const found = await restored({ kind: 'time', timeMs })
    const first = after.findIndex((moment, n) => n > 0 && (moment.timeMs ?? 0) > timeMs)
    const wanted = first < 0 ? after.at(-1) : after[first - 1]
    assert.deepEqual(found.keys, wanted?.keys, new Date(timeMs).toISOString())
  }
})

test('points that the files do not reach are refused, and it is said which they do', async (t) => {
  const { chain, restored } = await fixture(t)
  const { applied, revision } = chain.base.manifest
  const points: readonly (readonly [RestorePoint, RegExp])[] = [
    [{ kind: 'slot', slot: applied - 1 }, /already at slot .* any slot from \d+ to \d+/s],
    [{ kind: 'slot', slot: chain.end.applied + 1 }, /files end at slot/],
    [{ kind: 'revision', revision: revision - 1 }, /already at revision/],
    [{ kind: 'revision', revision: chain.end.revision + 1 }, /files end at revision/],
    [{ kind: 'time', timeMs: chain.base.meta.clockMs - 1 }, /already at time 2026-01-01T/],
    [{ kind: 'time', timeMs: Date.parse(chain.end.createdAt) + 1 }, /files end at time 2026-01-01T/],
  ]
  for (const [point, says] of points) await assert.rejects(restored(point), refusal('USAGE', says))
})

test('files that do not belong together are refused, and it is said what is missing', async (t) => {
  const { paths, chain } = await fixture(t)
  const [base = '', first = '', second = ''] = paths
  const [inc] = chain.increments
  const gap = new RegExp(`Slots ${inc?.manifest.from} to ${(inc?.manifest.applied ?? 0) - 1} are missing`)
  await assert.rejects(checkChain([base, second]), refusal('USAGE', gap))
  await assert.rejects(checkChain([base, second, first]), refusal('USAGE', gap))
  await assert.rejects(checkChain([base, first, first]), refusal('USAGE', /in the order in which they were made/))
  await assert.rejects(checkChain([first, second]), refusal('USAGE', /is an increment.*Name the full backup first/s))
  await assert.rejects(checkChain([base, base]), refusal('USAGE', /is a full backup, and so is/))
  await assert.rejects(checkBackup(first), refusal('USAGE', /is an increment/))
  await assert.rejects(checkChain([base, join(base, 'none')]), refusal('USAGE', /Cannot read/))
  // Another run of the same length: the slots would fit.
  const other = new SampleChain(scratchFolder(t), 1)
  other.write(40)
  await other.full()
  other.write(30)
  await other.increment()
  const foreign = new SampleChain(scratchFolder(t), 1, 'c2')
  foreign.write(40)
  await foreign.full()
  foreign.write(10)
  await assert.rejects(checkChain([base, await foreign.increment()]), refusal('WRONG_CLUSTER', /is of cluster c2/))
  const twin = new SampleChain(scratchFolder(t), 9)
  twin.write(40)
  await twin.full()
  twin.write(10)
  await assert.rejects(checkChain([base, await twin.increment()]), refusal('USAGE', /continues another backup than/))
})

test('a flipped bit anywhere in an increment is noticed, and an increment that ends too early', async (t) => {
  const { paths } = await fixture(t)
  const [base = '', first = ''] = paths
  const bytes = readFileSync(first)
  const random = new Random(5)
  for (let n = 0; n < 100; n++) {
    const damaged = Buffer.from(bytes)
    const place = random.integer(0, bytes.length)
    damaged[place] = (damaged[place] ?? 0) ^ (1 << random.integer(0, 8))
    writeFileSync(first, damaged)
    await assert.rejects(checkChain([base, first]), refusal('BACKUP_DAMAGED', /is damaged/), `byte ${place}`)
  }
  writeFileSync(first, bytes.subarray(0, random.integer(1, bytes.length)))
  await assert.rejects(checkChain([base, first]), refusal('BACKUP_DAMAGED', /cut short/))
})

test('an increment whose entries lead elsewhere than the cluster was is noticed by the hash chain', async (t) => {
  const { paths } = await fixture(t)
  const [base = '', first = ''] = paths
  const frames: { type: number; payload: Uint8Array }[] = []
  const bytes = readFileSync(first)
  new FrameDecoder({ payloadBytesMax: bytes.length }).push(bytes, (type, payload) => frames.push({ type, payload }))
  const last = frames.at(-1)
  assert.equal(last?.type, backupFrame.manifest)
  const manifest = JSON.parse(Buffer.from(last.payload).toString('utf8'))
  for (const [field, says] of [
    ['chain', /hash chain after it is/],
    ['chainBefore', /hash chain before it is/],
  ] as const) {
    const payload = Buffer.from(JSON.stringify({ ...manifest, [field]: '0123456789abcdef'.repeat(2) }))
    const changed = [...frames.slice(0, -1), { type: backupFrame.manifest, payload }]
    writeFileSync(first, Buffer.concat(changed.map((frame) => encodeFrame(frame.type, frame.payload))))
    const chain = await checkChain([base, first])
    await assert.rejects(materialize(chain, { kind: 'end' }, scratchFolder(t)), refusal('BACKUP_DAMAGED', says))
  }
})
