import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toIncarnation, toNodeId, toSlot } from '../ids.ts'
import { Reads } from './reads.ts'

const [n1, n2] = [toNodeId(1), toNodeId(2)]
const start = 3 * 2 ** 32

function newReads(): Reads {
  return new Reads(toIncarnation(3))
}

const local = (read: number) => ({ kind: 'local', read }) as const
const remote = (id: number) => ({ kind: 'remote', from: n2, id }) as const

test('a read is answered by a heartbeat that was sent after it came, at the watermark of that moment', () => {
  const reads = newReads()
  reads.add(local(1))
  assert.ok(reads.wantsHeartbeat)
  reads.onHeartbeatSent(5, toSlot(7))
  assert.deepEqual(reads.onConfirmed(4), [])
  assert.deepEqual(reads.onConfirmed(5), [{ kind: 'readable', read: 1, upTo: 7, by: 'readIndex' }])
  assert.deepEqual(reads.onConfirmed(6), [])
})

test('reads that come while a heartbeat is out wait for the next one, all together', () => {
  const reads = newReads()
  reads.add(local(1))
  reads.onHeartbeatSent(5, toSlot(7))
  reads.add(local(2))
  reads.add(remote(40))
  assert.ok(!reads.wantsHeartbeat)
  reads.onHeartbeatSent(6, toSlot(8))
  assert.equal(reads.onConfirmed(6).length, 1, 'heartbeat 6 was not sent for them')
  assert.ok(reads.wantsHeartbeat)
  reads.onHeartbeatSent(7, toSlot(9))
  assert.deepEqual(reads.onConfirmed(7), [
    { kind: 'readable', read: 2, upTo: 9, by: 'readIndex' },
    { kind: 'send', to: [n2], message: { kind: 'readIndexReply', id: 40, upTo: 9 } },
  ])
})

test('a lease answers what waits, not what is already on its way', () => {
  const reads = newReads()
  reads.add(local(1))
  reads.onHeartbeatSent(5, toSlot(7))
  reads.add(local(2))
  assert.deepEqual(reads.serveByLease(toSlot(9)), [{ kind: 'readable', read: 2, upTo: 9, by: 'lease' }])
  assert.deepEqual(reads.onConfirmed(5), [{ kind: 'readable', read: 1, upTo: 7, by: 'readIndex' }])
})

test('a follower asks its leader once for all its reads, and refuses those of others', () => {
  const reads = newReads()
  for (const reader of [local(1), remote(9), local(2)]) reads.add(reader)
  assert.deepEqual(reads.forward(1000, n1), [
    { kind: 'send', to: [n2], message: { kind: 'readIndexReply', id: 9, upTo: undefined } },
    { kind: 'send', to: [n1], message: { kind: 'readIndex', id: start + 1 } },
  ])
  assert.deepEqual(reads.forward(1000, n1), [])
  assert.deepEqual(reads.onReadIndexReply(n2, start + 1, toSlot(4)), [], 'only the node that was asked answers')
  assert.deepEqual(reads.onReadIndexReply(n1, start + 1, toSlot(4)), [
    { kind: 'readable', read: 1, upTo: 4, by: 'readIndex' },
    { kind: 'readable', read: 2, upTo: 4, by: 'readIndex' },
  ])
  assert.deepEqual(reads.onReadIndexReply(n1, start + 1, toSlot(4)), [])
})

test('without a leader, refused by it, or without an answer in time, a read is unreadable', () => {
  const reads = newReads()
  reads.add(local(1))
  assert.deepEqual(reads.forward(1000, undefined), [{ kind: 'unreadable', read: 1 }])
  reads.add(local(2))
  reads.forward(1000, n1)
  assert.deepEqual(reads.onReadIndexReply(n1, start + 1, undefined), [{ kind: 'unreadable', read: 2 }])
  reads.add(local(3))
  reads.forward(1000, n1)
  assert.deepEqual(reads.onTick(1499, 500), [])
  assert.deepEqual(reads.onTick(1500, 500), [{ kind: 'unreadable', read: 3 }])
  assert.deepEqual(reads.onReadIndexReply(n1, start + 2, toSlot(4)), [], 'too late')
})

test('questions of two incarnations never have the same number', () => {
  const earlier = new Reads(toIncarnation(2))
  earlier.add(local(1))
  const [question] = earlier.forward(1000, n1)
  assert.ok(question?.kind === 'send' && question.message.kind === 'readIndex')
  const later = newReads()
  later.add(local(1))
  later.forward(1000, n1)
  assert.deepEqual(later.onReadIndexReply(n1, question.message.id, toSlot(4)), [])
})

test('a leader that gives up answers nothing on its strength any more', () => {
  const reads = newReads()
  reads.add(local(1))
  reads.onHeartbeatSent(5, toSlot(7))
  reads.add(remote(9))
  assert.deepEqual(reads.abandon(), [
    { kind: 'unreadable', read: 1 },
    { kind: 'send', to: [n2], message: { kind: 'readIndexReply', id: 9, upTo: undefined } },
  ])
  assert.deepEqual(reads.onConfirmed(9), [])
})
