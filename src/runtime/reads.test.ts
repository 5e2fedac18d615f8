import assert from 'node:assert/strict'
import test from 'node:test'
import type { Key } from '../machine/request.ts'
import { toSlot } from '../protocol/ids.ts'
import { type PendingRead, ReadQueue } from './reads.ts'

function pending(deadline = 1000): PendingRead {
  const query = { kind: 'get', key: 'k' as Key, revision: undefined } as const
  return { query, startedAt: 0, deadline, done: () => assert.fail('answered by the queue itself') }
}

function served(queue: ReadQueue, appliedUpTo: number, take = true): PendingRead[] {
  const reads: PendingRead[] = []
  queue.serve(toSlot(appliedUpTo), (batch) => {
    reads.push(...batch)
    return take
  })
  return reads
}

test('reads of one turn share a question, and wait until enough is applied', () => {
  const queue = new ReadQueue(10)
  const [a, b] = [pending(), pending()]
  queue.add(a)
  queue.add(b)
  const number = queue.ask()
  assert.ok(number !== undefined)
  assert.equal(queue.ask(), undefined)
  queue.onReadable(number, toSlot(5), 'readIndex')
  assert.deepEqual(served(queue, 4), [])
  assert.deepEqual(served(queue, 5), [a, b])
  assert.equal(queue.size, 0)
})

test('a read that arrives after the question was asked waits for the next one', () => {
  const queue = new ReadQueue(10)
  const [a, b] = [pending(), pending()]
  queue.add(a)
  const first = queue.ask() ?? 0
  queue.add(b)
  queue.onReadable(first, toSlot(0), 'readIndex')
  assert.deepEqual(served(queue, 0), [a])
})

test('a batch that may not be served after all, as when a lease ran out, is asked again', () => {
  const queue = new ReadQueue(10)
  const a = pending()
  queue.add(a)
  queue.onReadable(queue.ask() ?? 0, toSlot(0), 'lease')
  assert.deepEqual(served(queue, 0, false), [a])
  assert.deepEqual(served(queue, 0), [], 'not without asking')
  queue.onReadable(queue.ask() ?? 0, toSlot(0), 'readIndex')
  assert.deepEqual(served(queue, 0), [a])
})

test('a refused read is asked again at the next tick, until it is late', () => {
  const queue = new ReadQueue(10)
  const a = pending(10)
  queue.add(a)
  queue.onUnreadable(queue.ask() ?? 0)
  assert.equal(queue.ask(), undefined)
  const late: PendingRead[] = []
  queue.onTick(5, (read) => late.push(read))
  const again = queue.ask()
  assert.ok(again !== undefined)
  queue.onTick(10, (read) => late.push(read))
  assert.deepEqual(late, [a])
  queue.onReadable(again, toSlot(0), 'readIndex')
  assert.deepEqual(served(queue, 0), [], 'a late read is not answered twice')
  assert.equal(queue.size, 0)
})

test('the queue is bounded, and hands out everything when it is drained', () => {
  const queue = new ReadQueue(2)
  const [a, b] = [pending(), pending()]
  queue.add(a)
  queue.onReadable(queue.ask() ?? 0, toSlot(9), 'readIndex')
  queue.add(b)
  assert.ok(queue.isFull)
  assert.deepEqual(new Set(queue.drain()), new Set([a, b]))
  assert.equal(queue.size, 0)
})
