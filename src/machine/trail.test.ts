import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Bench, del, originOf, put, stamp, toKey, txn } from '../../test/machine/fixtures.ts'
import { ByteWriter, toBinary } from '../base/bytes.ts'
import type { NextEpoch } from '../protocol/epoch.ts'
import { encodeStopSign } from '../protocol/epoch-codec.ts'
import { toEpochNumber, toNodeId } from '../protocol/ids.ts'
import { auditAdminBytesMax, auditRangesMax, auditScanRecords, auditWritesBytesMax } from './bounds.ts'
import { encodeBatch, encodeRequest, withOrigin } from './command-codec.ts'
import { trailExtentsKey, trailKey } from './layout.ts'
import { defaultRequestLimits, requestProblem } from './limits.ts'
import type { Command } from './request.ts'
import { Trail } from './trail.ts'

const next: NextEpoch = {
  number: toEpochNumber(2),
  protocol: 'multi',
  members: [{ id: toNodeId(1), name: 'n1', peerAddress: 'h1:1', kind: 'acceptor' }],
  q1: 1,
  q2: 1,
  leaseMs: 0,
  featureLevel: 2,
  highestId: toNodeId(1),
}

const chainOf = ({ machine }: Bench): string | undefined => machine.chainAt(machine.appliedUpTo)

test('a write that says where it comes from is recorded with the time of its batch, once, and only if it changed something', () => {
  const bench = new Bench()
  bench.timeMs = 5000
  const session = bench.one({ kind: 'openSession', ttlMs: 60_000 })
  assert.equal(session.kind, 'session')
  bench.by('ann', put('a', '1'), stamp(1, 1))
  bench.timeMs = 4000
  bench.by('ben', put('a', '1'), stamp(1, 1))
  bench.by('ben', del('b'))
  bench.by('ben', put('a', '2', 7))
  bench.by('ben', del('a'))
  bench.put('a', 'unsigned')
  const { records } = bench.trail('writes')
  assert.deepEqual(
    records.map(({ number, slot, timeMs, revision, action, origin }) => [
      number,
      slot,
      timeMs,
      revision,
      action,
      origin,
    ]),
    [
      [1, 5, 5000, 2, 'delete', originOf('ben')],
      [0, 1, 5000, 1, 'put', originOf('ann')],
    ],
  )
  assert.deepEqual(records[0]?.ranges, [{ start: 'a', end: 'a\0' }])
})

test('what operators did is kept apart from writes: notes, compactions, and epochs by their stop sign', () => {
  const bench = new Bench()
  bench.by('ann', put('a', '1'))
  bench.by('ann', { kind: 'compact', revision: 1 })
  assert.deepEqual(bench.by('ben', { kind: 'note', action: 'leader', detail: 'to n2' }), {
    ...{ kind: 'noted', slot: 2, number: 1 },
  })
  const by = { origin: originOf('eve'), timeMs: bench.timeMs + 500, detail: 'adds n4' }
  bench.entry({ kind: 'stopSign', payload: encodeStopSign(next, by) })
  const shown = bench
    .trail('admin')
    .records.map(({ action, detail, timeMs, origin }) => [action, detail, timeMs, origin.actor])
  assert.deepEqual(shown, [
    ['epoch', 'adds n4', 1500, 'eve'],
    ['leader', 'to n2', 1000, 'ben'],
    ['compact', 'to revision 1', 1000, 'ann'],
  ])
  assert.equal(bench.trail('writes').records.length, 1)
  const sign = bench.machine.stopSign
  assert.deepEqual(sign?.payload, encodeStopSign(next, by))
})

test('data and chain of a log without origins are what they were before there was a trail', () => {
  const bench = new Bench()
  bench.barrier()
  bench.one({ kind: 'openSession', ttlMs: 5000 })
  bench.batch(put('a', '1'), [stamp(1, 1), put('b', '2')], del('a'))
  bench.one(
    txn(
      [{ key: toKey('b'), target: 'version', op: '=', operand: 1 }],
      [{ kind: 'put', key: toKey('c'), value: new Uint8Array(3) }],
    ),
  )
  bench.one({ kind: 'compact', revision: 2 })
  bench.idle()
  bench.entry({ kind: 'stopSign', payload: encodeStopSign({ ...next, featureLevel: 1 }) })
  assert.equal(Buffer.from(chainOf(bench) ?? '', 'latin1').toString('hex'), '88d47bf819d5d55f48cbaa2834d2cd69')
  assert.deepEqual([...bench.dump('a'), ...bench.dump('t'), ...bench.dump('w')], [])
})

test('the chain covers who did it, and a trail comes back after a restart', () => {
  const [ann, ben] = ['ann', 'ben'].map((actor) => {
    const bench = new Bench()
    bench.by(actor, put('a', '1'))
    return bench
  })
  assert.ok(ann !== undefined && ben !== undefined)
  assert.notEqual(chainOf(ann), chainOf(ben))
  ann.flush()
  ann.restart()
  ann.by('ann', put('b', '1'))
  assert.deepEqual(
    ann.trail('writes').records.map(({ number }) => number),
    [1, 0],
  )
})

test('a member whose trail is another is told by its chain, though it applied the same entries', () => {
  const [good, bad] = [new Bench(), new Bench()]
  for (const bench of [good, bad]) bench.by('ann', put('a', '1'))
  bad.view.delete(trailExtentsKey)
  bad.restart()
  assert.equal(chainOf(good), chainOf(bad))
  for (const bench of [good, bad]) bench.by('ann', put('b', '1'))
  assert.notEqual(chainOf(good), chainOf(bad))
})

const noteOf = (detail: string): Uint8Array =>
  encodeRequest({ session: undefined, command: { kind: 'note', action: 'note', detail } })

/** Of the records of a trail, with their keys. */
const bytesOf = ({ overlay }: Bench, prefix: 'a' | 'w'): number => {
  let bytes = 0
  for (const [key, record] of overlay.range(prefix, `${prefix}ÿ`)) bytes += key.length + record.length
  return bytes
}

test('only so many bytes are kept, the oldest go, and a question that finds little says where to go on', () => {
  const bench = new Bench()
  bench.entry({ kind: 'batch', payload: encodeBatch(1000, [noteOf('0'.repeat(400))]) })
  const kept = Math.floor(auditAdminBytesMax / bytesOf(bench, 'a'))
  const end = kept + 8
  const notes = Array.from({ length: end - 1 }, (_, i) => noteOf(String(i + 1).padStart(400, '0')))
  bench.entry({ kind: 'batch', payload: encodeBatch(1000, notes) })
  assert.equal(bench.dump('a').length, kept)
  const newest = bench.trail('admin', { limit: 2 })
  assert.deepEqual([newest.records.map(({ detail }) => Number(detail)), newest.next], [[end - 1, end - 2], end - 2])
  const oldest = bench.trail('admin', { before: 10 })
  assert.deepEqual([oldest.records.map(({ detail }) => Number(detail)), oldest.next], [[9, 8], undefined])
  const none = bench.trail('admin', { key: 'a' })
  assert.deepEqual([none.records.length, none.next], [0, end - auditScanRecords])
})

test('a long record takes the place of as many short ones as it needs, and the trail is the same after a restart', () => {
  const [steady, restarted] = [new Bench(), new Bench()]
  const short = Array.from({ length: Math.ceil(auditAdminBytesMax / 46) }, () => noteOf('x'))
  for (const bench of [steady, restarted]) {
    bench.entry({ kind: 'batch', payload: encodeBatch(1000, short) })
    const before = bench.dump('a').length
    assert.ok(bytesOf(bench, 'a') > auditAdminBytesMax - 100)
    if (bench === restarted) bench.restart()
    bench.one({ kind: 'put', key: toKey('a'), value: new Uint8Array(0), ifVersion: undefined })
    bench.entry({ kind: 'batch', payload: encodeBatch(1000, [noteOf('y'.repeat(1024))]) })
    assert.ok(bytesOf(bench, 'a') <= auditAdminBytesMax)
    assert.equal(bench.dump('a').length, before - Math.floor(1023 / 46))
  }
  assert.deepEqual(steady.dump(), restarted.dump())
})

test('audited writes that are deleted and compacted again and again leave no more than the trail may keep', () => {
  const bench = new Bench()
  const key = (n: number): string => String(n).padStart(1000, 'k')
  for (let n = 0; n < 40_000; n++) {
    bench.by('ann', put(key(n), ''))
    if (n % 1000 === 0) {
      bench.by('ann', { kind: 'deleteRange', range: { start: '', end: undefined } })
      bench.one({ kind: 'compact', revision: bench.machine.revision })
    }
  }
  const bytes = bytesOf(bench, 'w')
  assert.ok(bytes <= auditWritesBytesMax && bytes > auditWritesBytesMax - 2000, `${bytes} bytes`)
  assert.equal(bench.changes(key(39_999)).changes[0]?.record?.origin.actor, 'ann')
  assert.equal(bench.trail('writes', { before: 1 }).records.length, 0)
})

test('a record has a key once, and a range of keys whole', () => {
  const bench = new Bench()
  const size = (command: Command): number => {
    const before = bytesOf(bench, 'w')
    bench.by('ann', command)
    return bytesOf(bench, 'w') - before
  }
  const long = 'k'.repeat(1000)
  assert.equal(size(put(long, '1')) - size(put('k', '1')), 999)
  bench.by('ann', { kind: 'deleteRange', range: { start: 'k', end: `${long}\0` } })
  assert.deepEqual(
    bench.trail('writes').records.map(({ ranges }) => ranges),
    [[{ start: 'k', end: `${long}\0` }], [{ start: 'k', end: 'k\0' }], [{ start: long, end: `${long}\0` }]],
  )
})

test('a record names as many keys as there is room for, and counts the rest', () => {
  const bench = new Bench()
  const operations = Array.from({ length: 20 }, (_, i) => {
    return { kind: 'put', key: toKey(`k${i}`), value: new Uint8Array(0) } as const
  })
  bench.by('ann', txn([], operations))
  const long = ['a', 'b', 'c'].map((first) => toKey(first + 'x'.repeat(1000)))
  bench.by(
    'ann',
    txn(
      [],
      long.map((key) => ({ kind: 'put', key, value: new Uint8Array(0) }) as const),
    ),
  )
  const counts = bench.trail('writes').records.map(({ ranges, rangesLeftOut }) => [ranges.length, rangesLeftOut])
  assert.deepEqual(counts, [
    [2, 1],
    [auditRangesMax, 4],
  ])
})

test('who changed a key: deletions of a range too, changes that were not audited, and what was compacted', () => {
  const bench = new Bench()
  bench.by('ann', put('a', '1'))
  bench.put('a', '2')
  bench.by('ben', { kind: 'deleteRange', range: { start: '', end: undefined } })
  bench.by('eve', put('a', '3'))
  const shown = (): unknown =>
    bench.changes('a').changes.map(({ revision, kind, record }) => [revision, kind, record?.origin.actor])
  assert.deepEqual(shown(), [
    [4, 'put', 'eve'],
    [3, 'delete', 'ben'],
    [2, 'put', undefined],
    [1, 'put', 'ann'],
  ])
  bench.one({ kind: 'compact', revision: 4 })
  assert.deepEqual(shown(), [
    [4, 'put', 'eve'],
    [3, 'delete', 'ben'],
    [1, 'put', 'ann'],
  ])
})

test('a stop sign whose origin is beyond its bounds is no record, and an epoch all the same', () => {
  const bench = new Bench()
  const by = { origin: originOf('x'.repeat(200)), timeMs: 1, detail: '' }
  bench.entry({ kind: 'stopSign', payload: encodeStopSign(next, by) })
  assert.deepEqual(bench.trail('admin').records, [])
  assert.equal(bench.machine.stopSign?.slot, 0)
})

test('nobody outside says where a request comes from, or writes a note past the API', () => {
  const command: Command = put('a', '1')
  const outside = { session: undefined, command, origin: originOf('ann') }
  assert.equal(requestProblem(outside, defaultRequestLimits)?.code, 'BAD_REQUEST')
  const note: Command = { kind: 'note', action: 'note', detail: '' }
  assert.equal(requestProblem({ session: undefined, command: note }, defaultRequestLimits)?.code, 'BAD_REQUEST')
})

test('an origin put into an encoded request is that request with the origin', () => {
  for (const session of [undefined, stamp(1, 2)]) {
    for (const command of [put('k', 'v', 3), del('k')]) {
      const plain = encodeRequest({ session, command })
      const wanted = encodeRequest({ session, command, origin: originOf('ann') })
      assert.equal(toBinary(withOrigin(plain, originOf('ann'))), toBinary(wanted))
    }
  }
})

test('a trail whose revisions do not rise, or that is not what it says it is, stops the node', () => {
  const { view } = new Bench()
  const trail = new Trail(view, { audited: () => {} })
  const add = (revision: number): number =>
    trail.add({
      ...{ slot: 0, timeMs: 0, revision, action: 'put', origin: originOf('ann'), detail: '' },
      ...{ ranges: [], rangesLeftOut: 0 },
    })
  add(5)
  trail.finish()
  assert.throws(() => add(5), /an audited write at revision 5, after one at 5/)
  trail.reload()
  assert.throws(() => add(4), /an audited write at revision 4, after one at 5/)
  trail.reload()
  assert.equal(add(6), 1)
  trail.finish()
  view.delete(trailKey('writes', 1))
  assert.throws(() => trail.reload(), /has no record 1, which it should keep/)
  const extents = (first: number, end: number, bytes: number): Uint8Array =>
    new ByteWriter(48).u64(0).u64(0).u64(0).u64(first).u64(end).u64(bytes).finish()
  view.put(trailExtentsKey, extents(2, 1, 50))
  assert.throws(() => trail.reload(), /from record 2 to 1/)
  view.put(trailExtentsKey, extents(1, 1, 50))
  assert.throws(() => trail.reload(), /of 50 bytes/)
})
