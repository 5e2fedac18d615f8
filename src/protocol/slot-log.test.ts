import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AssertionError } from '../base/assert.ts'
import type { Ballot } from './ballot.ts'
import { firstEpoch, type Slot, toIncarnation, toNodeId, toSlot } from './ids.ts'
import type { Vote } from './multipaxos/message.ts'
import { SlotLog } from './slot-log.ts'

const ballot: Ballot = { epoch: firstEpoch, round: 1, node: toNodeId(1), incarnation: toIncarnation(1), sub: 0 }

function vote(slot: number, bytes = 10, chosen = false): Vote {
  return { slot: toSlot(slot), ballot, entry: { kind: 'batch', payload: new Uint8Array(bytes) }, chosen }
}

function logOf(...votes: readonly Vote[]): SlotLog {
  const log = new SlotLog(toSlot(0), toSlot(0))
  for (const each of votes) log.put(each)
  return log
}

const slots = (votes: readonly { readonly slot: Slot }[]): number[] => votes.map(({ slot }) => slot)
const range = (from: number, to: number): { from: Slot; to: Slot } => ({ from: toSlot(from), to: toSlot(to) })

test('the chosen watermark moves over chosen votes only, one at a time', () => {
  const log = logOf(vote(0, 10, true), vote(1))
  assert.equal(log.advanceChosen().slot, 0)
  assert.equal(log.chosenUpTo, 1)
  assert.throws(() => log.advanceChosen(), AssertionError)
  log.put(vote(1, 10, true))
  log.advanceChosen()
  assert.throws(() => log.advanceChosen(), AssertionError)
})

test('votes may have holes, and a range of them is rising', () => {
  const log = logOf(vote(4), vote(1), vote(2))
  assert.deepEqual(slots(log.votes(range(0, 9))), [1, 2, 4])
  assert.deepEqual(slots(log.votes(range(2, 4))), [2])
  assert.equal(log.votedUpTo, 5)
})

test('bytes and open bytes follow what is stored', () => {
  const log = logOf(vote(0, 100, true), vote(1, 50, true), vote(2, 10))
  const overhead = log.bytes - 160
  assert.equal(overhead % 3, 0)
  assert.equal(log.openBytes, log.bytes)
  log.put(vote(2, 30))
  assert.equal(log.bytes, 180 + overhead)
  log.advanceChosen()
  log.advanceChosen()
  assert.equal(log.openBytes, 30 + overhead / 3)
  log.truncate(toSlot(2))
  assert.equal(log.bytes, 30 + overhead / 3)
  log.skipTo(toSlot(9))
  assert.equal(log.bytes, 0)
  assert.equal(log.openBytes, 0)
})

test('truncating drops what is below and never passes the chosen watermark', () => {
  const log = logOf(vote(0, 1, true), vote(1, 1, true), vote(2))
  log.advanceChosen()
  log.advanceChosen()
  log.truncate(toSlot(1))
  assert.deepEqual(slots(log.votes(range(0, 9))), [1, 2])
  log.truncate(toSlot(0))
  assert.equal(log.truncatedUpTo, 1)
  assert.throws(() => log.truncate(toSlot(3)), AssertionError)
  assert.throws(() => log.put(vote(0)), AssertionError)
})

test('a skip raises all watermarks and keeps the votes above it, however far it goes', () => {
  const log = logOf(vote(1), vote(1_000_000))
  log.markUnknown(toSlot(3))
  log.skipTo(toSlot(999_999))
  assert.deepEqual([log.truncatedUpTo, log.chosenUpTo, log.votedUpTo], [999_999, 999_999, 1_000_001])
  assert.deepEqual(slots(log.votes(range(0, 2_000_000))), [1_000_000])
  assert.deepEqual(log.unknown(range(0, 2_000_000)), [])
  log.skipTo(toSlot(5))
  assert.equal(log.chosenUpTo, 999_999)
})

test('an unknown slot counts as voted until a vote takes its place', () => {
  const log = logOf(vote(1))
  log.markUnknown(toSlot(1))
  log.markUnknown(toSlot(5))
  log.markUnknown(toSlot(3))
  assert.deepEqual(log.unknown(range(0, 9)), [3, 5])
  assert.equal(log.votedUpTo, 6)
  assert.ok(!log.isUnknown(toSlot(1)), 'a readable vote is not unknown')
  log.put(vote(3))
  assert.deepEqual(log.unknown(range(0, 9)), [5])
  assert.deepEqual(log.unknown(range(0, 5)), [])
})

test('chosen entries come without a gap, within the bytes wanted, and at least one', () => {
  const log = logOf(vote(0, 1000, true), vote(1, 1000, true), vote(2, 1000, true), vote(3, 1000))
  for (let i = 0; i < 3; i++) log.advanceChosen()
  assert.deepEqual(slots(log.chosenEntries(toSlot(0), toSlot(9), 1)), [0])
  assert.deepEqual(slots(log.chosenEntries(toSlot(0), toSlot(9), 1200)), [0, 1])
  assert.deepEqual(slots(log.chosenEntries(toSlot(1), toSlot(9), 99_999)), [1, 2])
  assert.deepEqual(slots(log.chosenEntries(toSlot(1), toSlot(2), 99_999)), [1])
  log.truncate(toSlot(1))
  assert.deepEqual(slots(log.chosenEntries(toSlot(0), toSlot(9), 99_999)), [])
})
