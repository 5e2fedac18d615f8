import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Bench, bytes, del, put, stamp, toKey, txn } from '../../test/machine/fixtures.ts'
import { toSlot } from '../protocol/ids.ts'
import { chainCheckpointSlots, chainCheckpointsKept } from './bounds.ts'
import { chainZero } from './chain.ts'
import { itemKey } from './layout.ts'
import { encodeItem } from './records.ts'
import type { Command } from './request.ts'

const chainOf = ({ machine }: Bench): string | undefined => machine.chainAt(machine.appliedUpTo)

function after(...commands: readonly Command[]): Bench {
  const bench = new Bench()
  for (const command of commands) bench.one(command)
  return bench
}

test('machines that applied the same entries have the same chain, whenever they were restarted', () => {
  const work = (bench: Bench, each: () => void): Bench => {
    for (let i = 0; i < 600; i++) {
      bench.timeMs += 10
      if (i % 50 === 0) bench.barrier()
      else if (i % 7 === 0) bench.one({ kind: 'openSession', ttlMs: 200 })
      else if (i % 11 === 0) bench.one(del(`k${i % 5}`))
      else bench.batch(put(`k${i % 5}`, `value ${i}`), [stamp(1, i), put('s', 'x')])
      each()
    }
    return bench
  }
  const lasting = work(new Bench(), () => {})
  const restless = new Bench()
  work(restless, () => {
    restless.flush()
    restless.restart()
  })
  assert.equal(chainOf(restless), chainOf(lasting))
  assert.deepEqual(restless.dump(), lasting.dump())
  for (const slot of [0, 256, 512]) {
    assert.notEqual(restless.machine.chainAt(toSlot(slot)), undefined)
    assert.equal(restless.machine.chainAt(toSlot(slot)), lasting.machine.chainAt(toSlot(slot)))
  }
  assert.equal(restless.machine.chainAt(toSlot(300)), undefined)
})

test('another entry, another kind or another order makes another chain', () => {
  const benches = [
    after(put('a', '1')),
    after(put('a', '2')),
    after(put('b', '1')),
    after(del('a')),
    after(put('a', '1'), del('a')),
    after(del('a'), put('a', '1')),
    new Bench(),
  ]
  const idle = new Bench()
  idle.idle()
  const unreadable = new Bench()
  unreadable.entry({ kind: 'batch', payload: bytes('no batch') })
  const barrier = new Bench()
  barrier.entry({ kind: 'barrier', payload: bytes('no batch') })
  const chains = [...benches, idle, unreadable, barrier].map(chainOf)
  assert.equal(new Set(chains).size, chains.length)
})

/** A machine that has stored something else than the others under a key, without knowing. */
function spoilt(): Bench {
  const bench = after(put('a', '1'))
  bench.view.put(itemKey(toKey('a')), encodeItem(1, 1, 7, bytes('one')))
  return bench
}

test('the same entry that is applied otherwise makes another chain', () => {
  const get = txn([], [{ kind: 'get', range: { start: 'a', end: 'b' }, limit: 0 }])
  const whenOne = { key: toKey('a'), target: 'value', op: '=', operand: bytes('1') } as const
  const commands = [
    put('a', '2'),
    put('a', '2', 1),
    get,
    txn([whenOne], [{ kind: 'delete', range: { start: 'a', end: undefined } }]),
  ]
  for (const command of commands) {
    const [whole, other] = [after(put('a', '1')), spoilt()]
    assert.equal(chainOf(other), chainOf(whole))
    whole.one(command)
    other.one(command)
    assert.notEqual(chainOf(other), chainOf(whole), command.kind)
    // It stays different, whatever comes.
    for (let i = 0; i < 20; i++) for (const bench of [whole, other]) bench.put('z', String(i))
    assert.notEqual(chainOf(other), chainOf(whole))
  }
})

test('old checkpoints are forgotten', () => {
  const bench = new Bench()
  bench.idle(chainCheckpointSlots * 3)
  assert.equal(bench.dump('v').length, 3)
  const kept = chainCheckpointSlots * chainCheckpointsKept
  bench.idle(kept - chainCheckpointSlots)
  assert.equal(bench.dump('v').length, chainCheckpointsKept)
  assert.equal(bench.machine.chainAt(toSlot(2 * chainCheckpointSlots)), undefined)
  assert.notEqual(bench.machine.chainAt(toSlot(3 * chainCheckpointSlots)), undefined)
  assert.equal(bench.machine.chainAt(toSlot(0)), chainZero)
})
