import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Bench, put, stamp, txn } from '../../test/machine/fixtures.ts'
import { sessionWindow } from './bounds.ts'
import type { Command, Reply } from './request.ts'
import { Sessions } from './sessions.ts'

test('sessions get rising ids that are never given again', () => {
  const bench = new Bench()
  assert.deepEqual(bench.one(open(5000)), { kind: 'session', slot: 0, id: 1, ttlMs: 5000 })
  assert.deepEqual(bench.batch(open(5000), open(5000)).map(idOf), [2, 3])
  bench.one({ kind: 'closeSession' }, stamp(3, 0))
  bench.restart()
  assert.equal(idOf(bench.one(open(5000))), 4)
  assert.equal(bench.machine.sessions, 3)
})

test('session numbers that are skipped never fall, nor rise beyond what is safe', () => {
  const sessions = new Sessions(new Bench().view)
  sessions.skipIds(5)
  assert.equal(sessions.open(1000)?.id, 6)
  assert.throws(() => sessions.skipIds(-1), /never fall/)
  assert.throws(() => sessions.skipIds(Number.MAX_SAFE_INTEGER - 5), /no session numbers are left/)
})

test('a time to live out of bounds is refused', () => {
  const bench = new Bench()
  for (const ttlMs of [0, 99, 86_400_001]) assert.equal(codeOf(bench.one(open(ttlMs))), 'BAD_REQUEST')
  assert.equal(idOf(bench.one(open(100))), 1)
  assert.equal(idOf(bench.one(open(86_400_000))), 2)
})

test('a repeated request gets the first reply and is not executed again', () => {
  const bench = new Bench()
  bench.one(open(5000))
  const first = bench.one(put('a', '1'), stamp(1, 7))
  assert.deepEqual(bench.one(put('a', '2'), stamp(1, 7)), first)
  bench.restart()
  assert.deepEqual(bench.one(put('a', '3'), stamp(1, 7)), first)
  assert.equal(bench.get('a'), '1')
  assert.equal(bench.machine.revision, 1)
})

test('a request repeated within one batch is executed once', () => {
  const bench = new Bench()
  bench.one(open(5000))
  const [first, second] = bench.batch([stamp(1, 1), put('a', '1')], [stamp(1, 1), put('a', '1')])
  assert.deepEqual(first, second)
  assert.equal(bench.machine.revision, 1)
})

test('an outcome that failed is stored like any other', () => {
  const bench = new Bench()
  bench.one(open(5000))
  const first = bench.one(put('a', '1', 3), stamp(1, 1))
  assert.equal(codeOf(first), 'PRECONDITION_FAILED')
  for (let i = 0; i < 3; i++) bench.put('a', 'x')
  assert.deepEqual(bench.one(put('a', '1', 3), stamp(1, 1)), first)
})

test('sequence numbers may come in any order, each is executed once', () => {
  const bench = new Bench()
  bench.one(open(5000))
  for (const seq of [5, 3, 4, 3, 5, 0]) bench.one(put('a', String(seq)), stamp(1, seq))
  assert.equal(bench.machine.revision, 4)
  assert.equal(bench.get('a'), '0')
})

test('what is acknowledged is forgotten and never executed again', () => {
  const bench = new Bench()
  bench.one(open(5000))
  bench.one(put('a', '1'), stamp(1, 0))
  bench.one(put('a', '2'), stamp(1, 1))
  assert.equal(bench.dump('r').length, 2)
  bench.one(put('a', '3'), stamp(1, 2, 2))
  assert.equal(bench.dump('r').length, 1)
  assert.equal(codeOf(bench.one(put('a', '4'), stamp(1, 1, 0))), 'BAD_REQUEST')
  assert.equal(codeOf(bench.one(put('a', '4'), stamp(1, 0, 2))), 'BAD_REQUEST')
  bench.restart()
  assert.equal(codeOf(bench.one(put('a', '4'), stamp(1, 1, 0))), 'BAD_REQUEST')
  assert.equal(bench.get('a'), '3')
})

test('the replies that one slot gives to a session are one record, kept until all are acknowledged', () => {
  const bench = new Bench()
  bench.one(open(5000))
  const replies = bench.batch([stamp(1, 0), put('a', '0')], [stamp(1, 1), put('a', '1')], [stamp(1, 2), put('a', '2')])
  assert.equal(bench.dump('r').length, 1)
  bench.one({ kind: 'keepAlive' }, stamp(1, 0, 2))
  assert.equal(bench.dump('r').length, 1)
  bench.restart()
  assert.deepEqual(bench.one(put('a', 'x'), stamp(1, 2, 2)), replies[2])
  bench.one({ kind: 'keepAlive' }, stamp(1, 0, 3))
  assert.deepEqual(bench.dump('r'), [])
})

test('a reply that is acknowledged in the slot that gave it is not stored at all', () => {
  const bench = new Bench()
  bench.one(open(5000))
  bench.batch([stamp(1, 0), put('a', '0')], [stamp(1, 1, 1), put('a', '1')], [stamp(1, 2, 2), put('a', '2')])
  const [record] = bench.dump('r')
  assert.ok(record !== undefined && bench.dump('r').length === 1)
  bench.batch([stamp(1, 3, 3), put('a', '3')], [stamp(1, 4, 5), put('a', '4')])
  assert.deepEqual(bench.dump('r'), [])
  assert.equal(bench.get('a'), '3')
})

test('a session may have a bounded number of unacknowledged replies', () => {
  const bench = new Bench()
  bench.one(open(5000))
  assert.equal(bench.one(put('a', '1'), stamp(1, sessionWindow - 1)).kind, 'put')
  assert.equal(codeOf(bench.one(put('a', '2'), stamp(1, sessionWindow))), 'OVERLOADED')
  assert.equal(bench.get('a'), '1')
  assert.equal(bench.one(put('a', '3'), stamp(1, sessionWindow, 1)).kind, 'put')
})

test('an acknowledgement far ahead costs no more than the window', () => {
  const bench = new Bench()
  bench.one(open(5000))
  bench.one(put('a', '1'), stamp(1, 0))
  bench.view.reset()
  const far = 2 ** 53 - 10
  assert.equal(bench.one(put('a', '2'), stamp(1, far, far)).kind, 'put')
  assert.equal(bench.view.deletes, 1)
})

test('a session that is unknown, closed or over cannot be used, and comes not to life again', () => {
  const bench = new Bench()
  assert.equal(codeOf(bench.one(put('a', '1'), stamp(9, 0))), 'SESSION_EXPIRED')
  bench.batch(open(1000), open(1000))
  bench.one({ kind: 'closeSession' }, stamp(1, 0))
  assert.equal(codeOf(bench.one(put('a', '1'), stamp(1, 0))), 'SESSION_EXPIRED')
  assert.equal(codeOf(bench.one({ kind: 'closeSession' }, stamp(1, 0))), 'SESSION_EXPIRED')
  bench.timeMs += 999
  bench.batch()
  assert.equal(bench.machine.sessions, 1)
  bench.timeMs += 1
  assert.equal(codeOf(bench.one({ kind: 'keepAlive' }, stamp(2, 0))), 'SESSION_EXPIRED')
  assert.equal(bench.machine.sessions, 0)
  bench.timeMs -= 500
  assert.equal(codeOf(bench.one(put('a', '1'), stamp(2, 0))), 'SESSION_EXPIRED')
  assert.equal(bench.get('a'), undefined)
})

test('every request of a session keeps it alive, repeated ones too', () => {
  const bench = new Bench()
  bench.one(open(1000))
  for (const command of [put('a', '1'), put('a', '1', 9), { kind: 'keepAlive' }] satisfies Command[]) {
    bench.timeMs += 900
    assert.notEqual(codeOf(bench.one(command, stamp(1, 0))), 'SESSION_EXPIRED')
    bench.restart()
  }
  bench.timeMs += 1000
  assert.equal(codeOf(bench.one({ kind: 'keepAlive' }, stamp(1, 0))), 'SESSION_EXPIRED')
})

test('the clock never goes back', () => {
  const bench = new Bench()
  bench.timeMs = 10_000
  bench.one(open(1000))
  bench.timeMs = 500
  bench.one({ kind: 'keepAlive' }, stamp(1, 0))
  bench.timeMs = 10_999
  assert.equal(bench.one({ kind: 'keepAlive' }, stamp(1, 0)).kind, 'session')
})

test('a barrier gives every living session its full time, and none that was over', () => {
  const bench = new Bench()
  bench.batch(open(1000), open(5000))
  bench.timeMs += 2000
  bench.batch()
  bench.timeMs += 60_000
  bench.barrier()
  bench.restart()
  bench.timeMs += 4999
  bench.batch()
  assert.equal(bench.machine.sessions, 1)
  assert.equal(codeOf(bench.one({ kind: 'keepAlive' }, stamp(1, 0))), 'SESSION_EXPIRED')
  bench.barrier()
  bench.timeMs += 4999
  bench.batch()
  assert.equal(bench.machine.sessions, 1)
  bench.timeMs += 1
  bench.batch()
  assert.equal(bench.machine.sessions, 0)
})

test('requests of a session without one, and an opening within one, are refused', () => {
  const bench = new Bench()
  bench.one(open(1000))
  assert.equal(codeOf(bench.one({ kind: 'keepAlive' })), 'BAD_REQUEST')
  assert.equal(codeOf(bench.one({ kind: 'closeSession' })), 'BAD_REQUEST')
  assert.equal(codeOf(bench.one(open(1000), stamp(1, 0))), 'BAD_REQUEST')
})

test('the replies of sessions that ended are removed in bounded steps', () => {
  const bench = new Bench()
  bench.batch(open(1000), open(1000))
  for (let seq = 0; seq < 300; seq++) bench.batch([stamp(1, seq), put('a', '')], [stamp(2, seq), put('a', '')])
  assert.equal(bench.dump('r').length, 600)
  bench.timeMs += 5000
  bench.view.reset()
  bench.batch()
  assert.equal(bench.machine.sessions, 0)
  assert.equal(bench.dump('r').length, 600 - 256)
  assert.ok(bench.view.deletes <= 256 + 2)
  bench.restart()
  bench.idle(2)
  assert.deepEqual([...bench.dump('r'), ...bench.dump('g'), ...bench.dump('s')], [])
})

test('many sessions that end at once are removed in bounded steps, the same after a restart', () => {
  const benches = [new Bench(), new Bench()]
  for (const bench of benches) {
    for (let i = 0; i < 3000; i += 1000) {
      bench.batch(...Array.from({ length: 1000 }, (_, j) => open(1000 + (((i + j) * 7919) % 500))))
    }
    bench.timeMs += 300
    for (let id = 1; id < 3000; id += 7) bench.one({ kind: 'keepAlive' }, stamp(id, 0))
    bench.one(open(5000))
    bench.timeMs += 10_000
  }
  const [one, other] = benches
  assert.ok(one !== undefined && other !== undefined)
  for (const left of [3001 - 1024, 3001 - 2048, 0]) {
    other.restart()
    for (const bench of benches) {
      const reply = bench.one({ kind: 'keepAlive' }, stamp(3001, 0))
      assert.equal(codeOf(reply), 'SESSION_EXPIRED', 'over, whether removed yet or not')
    }
    assert.equal(one.machine.sessions, left)
    assert.deepEqual(other.dump(), one.dump())
  }
})

test('a barrier brings no session back to life that is over and not removed yet', () => {
  const bench = new Bench()
  bench.batch(...Array.from({ length: 3000 }, () => open(1000)))
  bench.timeMs += 1000
  bench.batch()
  assert.equal(bench.machine.sessions, 3000 - 1024)
  bench.barrier()
  assert.equal(bench.machine.sessions, 0)
  assert.equal(codeOf(bench.one({ kind: 'keepAlive' }, stamp(3000, 0))), 'SESSION_EXPIRED')
})

test('a session may have a bounded number of bytes of unacknowledged replies', () => {
  const bench = new Bench()
  bench.one(open(5000))
  bench.put('a', new Uint8Array(4 * 1024 * 1024))
  const get = txn([], [{ kind: 'get', range: { start: '', end: undefined }, limit: 0 }])
  for (let seq = 0; seq < 16; seq++) assert.equal(bench.one(get, stamp(1, seq)).kind, 'txn')
  assert.equal(codeOf(bench.one(get, stamp(1, 16))), 'OVERLOADED')
  bench.restart()
  assert.equal(codeOf(bench.one(get, stamp(1, 16))), 'OVERLOADED')
  assert.equal(bench.one(get, stamp(1, 15)).kind, 'txn', 'a stored reply is still given')
  assert.equal(bench.one(get, stamp(1, 16, 1)).kind, 'txn')
})

test('there is an end to the number of sessions', () => {
  const bench = new Bench()
  for (let i = 0; i < 10; i++) bench.batch(...Array.from({ length: 10_000 }, () => open(1000)))
  assert.equal(bench.machine.sessions, 100_000)
  assert.equal(codeOf(bench.one(open(1000))), 'OVERLOADED')
  bench.one({ kind: 'closeSession' }, stamp(5, 0))
  assert.equal(idOf(bench.one(open(1000))), 100_001)
})

function open(ttlMs: number): Command {
  return { kind: 'openSession', ttlMs }
}

function idOf(reply: Reply): number | undefined {
  return reply.kind === 'session' ? reply.id : undefined
}

function codeOf(reply: Reply): string | undefined {
  return reply.kind === 'error' ? reply.code : undefined
}
