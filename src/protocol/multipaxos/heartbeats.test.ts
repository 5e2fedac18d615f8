import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toNodeId } from '../ids.ts'
import { countedQuorums } from '../quorum.ts'
import { Heartbeats } from './heartbeats.ts'

const [n1, n2, n3, n4, n5] = [toNodeId(1), toNodeId(2), toNodeId(3), toNodeId(4), toNodeId(5)]
const three = countedQuorums(new Set([n1, n2, n3]), 2, 2)

/** 1000 ms at 5 % drift on both sides, less the margin. */
const leaseMs = (1000 * 0.95) / 1.05 - 30

test('a heartbeat is confirmed when its answers meet every phase-1 quorum', () => {
  const flexible = countedQuorums(new Set([n1, n2, n3, n4, n5]), 4, 2)
  const beats = new Heartbeats(n1, flexible, 0, 0.05)
  const seq = beats.send(1000)
  assert.equal(beats.confirmed, 0)
  beats.onAck(n2, seq)
  assert.equal(beats.confirmed, seq, 'two of five meet every four')

  const strict = new Heartbeats(n1, countedQuorums(new Set([n1, n2, n3, n4, n5]), 2, 4), 0, 0.05)
  strict.send(1000)
  for (const node of [n2, n3, n2]) strict.onAck(node, 1)
  assert.equal(strict.confirmed, 0, 'three of five may miss two')
  strict.onAck(n4, 1)
  assert.equal(strict.confirmed, 1)
})

test('an answer to a later heartbeat counts for the earlier ones, not the other way round', () => {
  const beats = new Heartbeats(n1, three, 0, 0.05)
  beats.send(1000)
  beats.send(1100)
  beats.onAck(n2, 1)
  assert.equal(beats.confirmed, 1)
  beats.onAck(n3, 2)
  assert.equal(beats.confirmed, 2)
  beats.onAck(n3, 99)
  assert.equal(beats.confirmed, 2, 'an answer to what was never sent')
})

test('a lease counts from sending, however late the answer (T12)', () => {
  const beats = new Heartbeats(n1, three, 1000, 0.05)
  const seq = beats.send(5000)
  assert.ok(!beats.leaseHolds(5000))
  beats.onAck(n2, seq)
  assert.ok(beats.leaseHolds(5000 + leaseMs - 1))
  assert.ok(!beats.leaseHolds(5000 + leaseMs))
  const late = beats.send(6000)
  beats.onAck(n2, late)
  assert.ok(beats.leaseHolds(6000 + leaseMs - 1))
  assert.ok(!beats.leaseHolds(6000 + leaseMs))
})

test('without leases, or with leases shorter than the margin, none ever holds', () => {
  for (const length of [0, 20]) {
    const beats = new Heartbeats(n1, three, length, 0.05)
    beats.onAck(n2, beats.send(1000))
    assert.ok(!beats.leaseHolds(1000))
    assert.equal(beats.confirmed, 1)
  }
})

test('after the clock jumped, only heartbeats sent later make a lease', () => {
  const beats = new Heartbeats(n1, three, 1000, 0.05)
  beats.onAck(n2, beats.send(1000))
  const before = beats.send(1100)
  beats.voidLease()
  assert.ok(!beats.leaseHolds(1100))
  beats.onAck(n2, before)
  assert.ok(!beats.leaseHolds(1200))
  assert.equal(beats.confirmed, before, 'as proof of leading it still counts')
  beats.onAck(n2, beats.send(1200))
  assert.ok(beats.leaseHolds(1300))
})

test('a new leadership starts with nothing, and late answers to the old one mean nothing', () => {
  const beats = new Heartbeats(n1, three, 1000, 0.05)
  beats.onAck(n2, beats.send(990))
  assert.ok(beats.leaseHolds(1000))
  const old = beats.send(1000)
  beats.reset()
  assert.ok(!beats.leaseHolds(1000))
  beats.onAck(n2, old)
  assert.ok(!beats.leaseHolds(1001))
  const fresh = beats.send(1100)
  assert.ok(beats.confirmed < fresh)
  beats.onAck(n3, fresh)
  assert.equal(beats.confirmed, fresh)
})

test('a lone node confirms itself', () => {
  const beats = new Heartbeats(n1, countedQuorums(new Set([n1]), 1, 1), 1000, 0.05)
  const seq = beats.send(1000)
  assert.equal(beats.confirmed, seq)
  assert.ok(beats.leaseHolds(1000))
})
