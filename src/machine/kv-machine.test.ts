import assert from 'node:assert/strict'
import { test } from 'node:test'
import { awkwardKeys, Bench, bytes, del, put, toKey, txn } from '../../test/machine/fixtures.ts'
import { fromBinary } from '../base/bytes.ts'
import { noop } from '../protocol/entry.ts'
import { encodeRecoveryStopSign } from '../protocol/epoch-codec.ts'
import { toEpochNumber, toNodeId, toSlot } from '../protocol/ids.ts'
import { encodeBatch, encodeRequest } from './command-codec.ts'
import { metaKey } from './layout.ts'
import { emptyMeta, encodeMeta } from './records.ts'
import type { Operation, Reply } from './request.ts'

test('a put gives revision and version, and the item says when it was made and changed', () => {
  const bench = new Bench()
  assert.deepEqual(bench.put('a', '1'), { kind: 'put', slot: 0, revision: 1, version: 1 })
  assert.deepEqual(bench.put('b', '1'), { kind: 'put', slot: 1, revision: 2, version: 1 })
  assert.deepEqual(bench.put('a', '2'), { kind: 'put', slot: 2, revision: 3, version: 2 })
  assert.deepEqual(bench.machine.query({ kind: 'get', key: toKey('a'), revision: undefined }), {
    kind: 'item',
    item: { key: 'a', value: bytes('2'), createRevision: 1, modRevision: 3, version: 2 },
    revision: 3,
  })
})

test('the stop sign of a recovery raises revisions and session numbers, and compacts what is older', () => {
  const bench = new Bench()
  const open = (): Reply | undefined => bench.one({ kind: 'openSession', ttlMs: 60_000 })
  bench.put('a', '1')
  const before = open()
  assert.ok(before?.kind === 'session')
  const next = {
    number: toEpochNumber(2),
    protocol: 'multi',
    members: [],
    q1: 1,
    q2: 1,
    leaseMs: 0,
    featureLevel: 1,
  } as const
  const payload = encodeRecoveryStopSign({ ...next, highestId: toNodeId(1) }, 1000)
  bench.entry({ kind: 'stopSign', payload })
  assert.equal(bench.machine.revision, 1001)
  assert.equal(bench.machine.compactedRevision, 1001)
  const after = open()
  assert.ok(after?.kind === 'session' && after.id === before.id + 1001)
  assert.equal(bench.machine.sessions, 2)
  const put = bench.put('a', '2')
  assert.ok(put.kind === 'put' && put.revision === 1002 && put.version === 2)
  const old = bench.machine.query({ kind: 'get', key: toKey('a'), revision: 1 })
  assert.ok(old.kind === 'error' && old.code === 'COMPACTED')
  const [last] = [bench.machine.revision]
  bench.entry({ kind: 'stopSign', payload: encodeRecoveryStopSign({ ...next, highestId: toNodeId(1) }, 0) })
  assert.equal(bench.machine.revision, last)
})

test('a recovery that would raise counters beyond what is safe raises nothing, and a number beyond stops the node', () => {
  const bench = new Bench()
  const nearly = Number.MAX_SAFE_INTEGER - 1
  bench.view.put(metaKey, encodeMeta({ ...emptyMeta, revision: nearly, lastSession: nearly }))
  bench.restart()
  bench.entry({ kind: 'stopSign', payload: fromBinary('{"raisedBy":2}') })
  assert.deepEqual([bench.machine.revision, bench.machine.compactedRevision], [nearly, 0])
  const last = bench.put('a', '1')
  assert.ok(last.kind === 'put' && last.revision === Number.MAX_SAFE_INTEGER)
  const before = bench.machine.appliedUpTo
  assert.throws(() => bench.put('a', '2'), /revision has no more numbers/)
  bench.restart()
  assert.equal(bench.machine.appliedUpTo, before)
})

test('data that are compacted above their own revision stop the node', () => {
  const bench = new Bench()
  const meta = { ...emptyMeta, revision: 7, compactedRevision: 8 }
  bench.view.put(metaKey, encodeMeta(meta))
  bench.restart()
  assert.throws(() => bench.entry(noop), /compacted up to 8, above revision 7/)
})

test('a put of what is there already changes the revision all the same', () => {
  const bench = new Bench()
  bench.put('a', '1')
  assert.deepEqual(bench.put('a', '1'), { kind: 'put', slot: 1, revision: 2, version: 2 })
})

test('a deleted key begins again at version 1', () => {
  const bench = new Bench()
  bench.put('a', '1')
  bench.put('a', '2')
  assert.deepEqual(bench.one(del('a')), { kind: 'delete', slot: 2, revision: 3, deleted: 1 })
  assert.equal(bench.get('a'), undefined)
  assert.deepEqual(bench.put('a', '3'), { kind: 'put', slot: 3, revision: 4, version: 1 })
  const answer = bench.machine.query({ kind: 'get', key: toKey('a'), revision: undefined })
  assert.ok(answer.kind === 'item' && answer.item?.createRevision === 4)
})

test('deleting nothing changes no revision', () => {
  const bench = new Bench()
  bench.put('a', '1')
  assert.deepEqual(bench.one(del('b')), { kind: 'delete', slot: 1, revision: 1, deleted: 0 })
  const range = { start: 'b', end: 'z' }
  assert.deepEqual(bench.one({ kind: 'deleteRange', range }), { kind: 'delete', slot: 2, revision: 1, deleted: 0 })
})

test('deleting a range is one revision', () => {
  const bench = new Bench()
  for (const key of ['a', 'b', 'c', 'd']) bench.put(key, '1')
  const range = { start: 'b', end: 'd' }
  assert.deepEqual(bench.one({ kind: 'deleteRange', range }), { kind: 'delete', slot: 4, revision: 5, deleted: 2 })
  assert.deepEqual(keysOf(bench), ['a', 'd'])
})

test('a wanted version that does not hold leaves everything as it is', () => {
  const bench = new Bench()
  assert.equal(bench.put('a', '1', 0).kind, 'put')
  assert.equal(codeOf(bench.put('a', '2', 0)), 'PRECONDITION_FAILED')
  assert.equal(codeOf(bench.put('a', '2', 2)), 'PRECONDITION_FAILED')
  assert.equal(codeOf(bench.one(del('a', 0))), 'PRECONDITION_FAILED')
  assert.equal(codeOf(bench.one(del('b', 1))), 'PRECONDITION_FAILED')
  assert.equal(bench.machine.revision, 1)
  assert.equal(bench.get('a'), '1')
  assert.equal(bench.put('a', '2', 1).kind, 'put')
  assert.deepEqual(bench.one(del('a', 2)), { kind: 'delete', slot: 6, revision: 3, deleted: 1 })
  assert.deepEqual(bench.one(del('a', 0)), { kind: 'delete', slot: 7, revision: 3, deleted: 0 })
})

test('requests of one batch see each other in order', () => {
  const bench = new Bench()
  const replies = bench.batch(put('a', '1'), put('a', '2', 1), del('a'), put('a', '3', 0))
  assert.deepEqual(
    replies.map((reply) => reply.kind),
    ['put', 'put', 'delete', 'put'],
  )
  assert.equal(bench.machine.revision, 4)
  assert.equal(bench.get('a'), '3')
  assert.equal(bench.get('a', 2), '2')
})

test('a transaction compares before it changes anything', () => {
  const bench = new Bench()
  bench.put('a', '5')
  const reply = bench.one(
    txn(
      [
        { key: toKey('a'), target: 'value', op: '=', operand: bytes('5') },
        { key: toKey('missing'), target: 'version', op: '=', operand: 0 },
        { key: toKey('missing'), target: 'value', op: '=', operand: bytes('') },
      ],
      [
        { kind: 'put', key: toKey('a'), value: bytes('6') },
        { kind: 'put', key: toKey('b'), value: bytes('7') },
      ],
      [{ kind: 'put', key: toKey('c'), value: bytes('8') }],
    ),
  )
  assert.deepEqual(reply, {
    kind: 'txn',
    slot: 1,
    revision: 2,
    succeeded: true,
    results: [
      { kind: 'put', version: 2 },
      { kind: 'put', version: 1 },
    ],
  })
  assert.deepEqual(keysOf(bench), ['a', 'b'])
})

test('each comparison orders bytes as bytes and counters as numbers', () => {
  const bench = new Bench()
  bench.put('a', '\x80')
  bench.put('a', '\x80')
  const holds = (
    target: 'value' | 'version' | 'createRevision' | 'modRevision',
    op: '=' | '!=' | '<' | '>',
    operand: string | number,
  ): boolean => {
    const reply = bench.one(
      txn([{ key: toKey('a'), target, op, operand: typeof operand === 'string' ? bytes(operand) : operand }], []),
    )
    return reply.kind === 'txn' && reply.succeeded
  }
  assert.equal(holds('value', '>', '\x7f'), true)
  assert.equal(holds('value', '<', '\x80\0'), true)
  assert.equal(holds('value', '>', '\x80'), false)
  assert.equal(holds('value', '!=', '\x80'), false)
  assert.equal(holds('version', '=', 2), true)
  assert.equal(holds('version', '<', 10), true)
  assert.equal(holds('createRevision', '=', 1), true)
  assert.equal(holds('modRevision', '>', 1), true)
  assert.equal(holds('modRevision', '>', 2), false)
  assert.equal(bench.machine.revision, 2, 'an empty transaction changes nothing')
})

test('operations of a transaction see the ones before them, under one revision', () => {
  const bench = new Bench()
  bench.put('a', '1')
  const get = (start: string, end: string): Operation => ({ kind: 'get', range: { start, end }, limit: 0 })
  const reply = bench.one(
    txn(
      [{ key: toKey('a'), target: 'version', op: '>', operand: 1 }],
      [],
      [
        get('a', 'z'),
        { kind: 'put', key: toKey('a'), value: bytes('2') },
        { kind: 'put', key: toKey('b'), value: bytes('3') },
        get('a', 'z'),
        { kind: 'delete', range: { start: 'a', end: 'z' } },
        get('a', 'z'),
        { kind: 'put', key: toKey('a'), value: bytes('4') },
      ],
    ),
  )
  assert.ok(reply.kind === 'txn')
  assert.equal(reply.revision, 2)
  assert.equal(reply.succeeded, false)
  const a1 = { key: 'a', value: bytes('1'), createRevision: 1, modRevision: 1, version: 1 }
  const a2 = { key: 'a', value: bytes('2'), createRevision: 1, modRevision: 2, version: 2 }
  const b = { key: 'b', value: bytes('3'), createRevision: 2, modRevision: 2, version: 1 }
  assert.deepEqual(reply.results, [
    { kind: 'get', items: [a1], more: false },
    { kind: 'put', version: 2 },
    { kind: 'put', version: 1 },
    { kind: 'get', items: [a2, b], more: false },
    { kind: 'delete', deleted: 2 },
    { kind: 'get', items: [], more: false },
    { kind: 'put', version: 1 },
  ])
  assert.equal(bench.get('a', 1), '1')
  assert.equal(bench.get('a', 2), '4')
  assert.equal(bench.get('b', 2), undefined)
})

test('a read at an old revision sees what was there then, deleted keys too', () => {
  const bench = new Bench()
  bench.put('a', '1')
  bench.put('b', '2')
  bench.put('a', '3')
  bench.one(del('b'))
  bench.put('c', '4')
  assert.equal(bench.get('a', 0), undefined)
  assert.equal(bench.get('a', 2), '1')
  assert.equal(bench.get('a', 3), '3')
  assert.equal(bench.get('b', 1), undefined)
  assert.equal(bench.get('b', 3), '2')
  assert.equal(bench.get('b', 4), undefined)
  assert.deepEqual(keysOf(bench, 1), ['a'])
  assert.deepEqual(keysOf(bench, 3), ['a', 'b'])
  assert.deepEqual(keysOf(bench, 4), ['a'])
  assert.deepEqual(keysOf(bench, 5), ['a', 'c'])
  assert.equal(bench.get('a', 6), 'BAD_REQUEST')
  assert.deepEqual(codeOf(bench.list('', undefined, { revision: 6 })), 'BAD_REQUEST')
})

test('a key with a long history does not hide its neighbours at any revision', () => {
  const bench = new Bench()
  bench.put('a', 'x')
  for (let i = 0; i < 50; i++) bench.put('hot', String(i))
  bench.one(del('hot'))
  bench.put('z', 'x')
  for (let i = 0; i < 50; i++) {
    assert.equal(bench.get('hot', i + 2), String(i))
    assert.deepEqual(keysOf(bench, i + 2), ['a', 'hot'])
  }
  assert.deepEqual(keysOf(bench, 52), ['a'])
  assert.deepEqual(keysOf(bench, 53), ['a', 'z'])
})

test('keys of any bytes keep their order and their own history', () => {
  const bench = new Bench()
  for (const key of awkwardKeys) bench.put(key, `1${key}`)
  const revision = bench.machine.revision
  for (const key of awkwardKeys) bench.put(key, `2${key}`)
  for (const key of awkwardKeys) {
    assert.equal(bench.get(key, revision), `1${key}`)
    assert.equal(bench.get(key), `2${key}`)
  }
  const sorted = [...awkwardKeys].sort()
  assert.deepEqual(keysOf(bench), sorted)
  assert.deepEqual(keysOf(bench, revision), sorted)
  bench.one({ kind: 'deleteRange', range: { start: 'a\0', end: 'a\x01' } })
  assert.deepEqual(
    keysOf(bench),
    sorted.filter((key) => key < 'a\0' || key >= 'a\x01'),
  )
  assert.deepEqual(keysOf(bench, revision), sorted)
})

test('a limited range says whether there is more', () => {
  const bench = new Bench()
  for (const key of ['a', 'b', 'c']) bench.put(key, '1')
  const two = bench.list('', undefined, { limit: 2 })
  assert.ok(two.kind === 'items' && two.items.length === 2 && two.more)
  const three = bench.list('', undefined, { limit: 3 })
  assert.ok(three.kind === 'items' && three.items.length === 3 && !three.more)
  const keys = bench.list('', undefined, { keysOnly: true })
  assert.ok(keys.kind === 'items' && keys.items.every((item) => item.value.length === 0))
})

test('an answer ends before it becomes too large, and one item always fits', () => {
  const bench = new Bench()
  for (let i = 0; i < 6; i++) bench.put(`k${i}`, new Uint8Array(1024 * 1024))
  bench.put('z', new Uint8Array(5 * 1024 * 1024))
  const all = bench.list()
  assert.ok(all.kind === 'items' && all.more)
  assert.equal(all.items.length, 3)
  const large = bench.list('z')
  assert.ok(large.kind === 'items' && large.items.length === 1 && !large.more)
  const keysOnly = bench.list('', undefined, { keysOnly: true })
  assert.ok(keysOnly.kind === 'items' && keysOnly.items.length === 7)
  const get: Operation = { kind: 'get', range: { start: 'k', end: 'l' }, limit: 3 }
  const reply = bench.one(txn([], [get, get]))
  assert.ok(reply.kind === 'txn')
  assert.deepEqual(
    reply.results.map((result) => (result.kind === 'get' ? [result.items.length, result.more] : [])),
    [
      [3, true],
      [0, true],
    ],
  )
})

test('a deletion of too many keys is refused whole, alone or in a transaction', () => {
  const bench = new Bench()
  const range = { start: '', end: undefined }
  const commands = Array.from({ length: 50_001 }, (_, i) => put(`k${i}`, ''))
  bench.batch(...commands)
  assert.equal(codeOf(bench.one({ kind: 'deleteRange', range })), 'TOO_LARGE')
  const then: readonly Operation[] = [
    { kind: 'put', key: toKey('new'), value: bytes('1') },
    { kind: 'delete', range },
  ]
  assert.equal(codeOf(bench.one(txn([], then))), 'TOO_LARGE')
  assert.equal(bench.machine.revision, 50_001)
  assert.equal(bench.get('new'), undefined)
  bench.one(del('k0'))
  const reply = bench.one({ kind: 'deleteRange', range })
  assert.ok(reply.kind === 'delete' && reply.deleted === 50_000)
  assert.deepEqual(keysOf(bench), [])
})

test('slots must come in order', () => {
  const bench = new Bench()
  assert.throws(() => bench.machine.apply(toSlot(1), noop), /slot 1 applied after everything below 0/)
  bench.idle()
  assert.throws(() => bench.machine.apply(toSlot(0), noop), /slot 0/)
})

test('no-ops and stop signs only count as applied', () => {
  const bench = new Bench()
  bench.put('a', '1')
  assert.deepEqual(bench.entry(noop), [])
  assert.deepEqual(bench.entry({ kind: 'stopSign', payload: bytes('anything') }), [])
  assert.deepEqual(bench.entry({ kind: 'barrier', payload: bytes('malformed') }), [])
  assert.equal(bench.machine.appliedUpTo, 4)
  assert.equal(bench.machine.revision, 1)
})

test('malformed requests get an error reply and the others of the batch go on', () => {
  const bench = new Bench()
  const good = encodeRequest({ session: undefined, command: put('a', '1') })
  const payload = encodeBatch(5, [bytes('\xff\xff'), good, new Uint8Array(0), good.subarray(0, 5)])
  const replies = bench.entry({ kind: 'batch', payload })
  assert.deepEqual(replies.map(codeOf), ['BAD_REQUEST', undefined, 'BAD_REQUEST', 'BAD_REQUEST'])
  assert.deepEqual(bench.entry({ kind: 'batch', payload: bytes('no batch') }), [])
  assert.equal(bench.get('a'), '1')
})

test('a put costs one write, and the slot one more, two with overwrites', () => {
  const bench = new Bench()
  bench.view.reset()
  bench.batch(put('a', '1'), put('b', '1'))
  assert.equal(bench.view.puts, 3)
  bench.view.reset()
  bench.batch(put('a', '2'), put('b', '2'))
  assert.equal(bench.view.puts, 4)
  assert.equal(bench.view.deletes, 0)
})

test('everything is found again after a restart', () => {
  const bench = new Bench()
  bench.put('a', '1')
  bench.put('a', '2')
  bench.one({ kind: 'openSession', ttlMs: 5000 })
  bench.one({ kind: 'compact', revision: 1 })
  bench.flush()
  const before = bench.dump()
  bench.restart()
  const { appliedUpTo, revision, compactedRevision, sessions } = bench.machine
  assert.deepEqual(
    { appliedUpTo, revision, compactedRevision, sessions },
    {
      appliedUpTo: 4,
      revision: 2,
      compactedRevision: 1,
      sessions: 1,
    },
  )
  assert.deepEqual(bench.dump(), before)
})

test('a view that a version of another format wrote is refused, with what to do', () => {
  const bench = new Bench()
  bench.overlay.put('m', Uint8Array.of(99, 0, 0))
  assert.throws(() => bench.machine.reload(), { code: 'DATA_DIR_REFUSED', hint: /a newer one/ })
  bench.overlay.put('m', Uint8Array.of(2, 0, 0))
  assert.throws(() => bench.machine.reload(), { code: 'DATA_DIR_REFUSED', hint: /kv export.*kv import/ })
})

function keysOf(bench: Bench, revision?: number): readonly string[] {
  const answer = bench.list('', undefined, revision === undefined ? {} : { revision })
  assert.ok(answer.kind === 'items')
  return answer.items.map((item) => item.key)
}

function codeOf(reply: { kind: string; code?: string } | Reply): string | undefined {
  return 'code' in reply ? reply.code : undefined
}
