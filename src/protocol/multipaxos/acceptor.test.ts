import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AssertionError } from '../../base/assert.ts'
import { fromBinary } from '../../base/bytes.ts'
import { type Ballot, zeroBallot } from '../ballot.ts'
import type { Effect } from '../effect.ts'
import type { Entry } from '../entry.ts'
import { firstEpoch, type Slot, toIncarnation, toNodeId, toSlot } from '../ids.ts'
import { SlotLog } from '../slot-log.ts'
import { Acceptor } from './acceptor.ts'
import { Grant } from './grant.ts'
import type { Message } from './message.ts'

const [n1, n2] = [toNodeId(1), toNodeId(2)]

function ballot(round: number, node = 1): Ballot {
  return { epoch: firstEpoch, round, node: toNodeId(node), incarnation: toIncarnation(1), sub: 0 }
}

function batch(text: string): Entry {
  return { kind: 'batch', payload: fromBinary(text) }
}

function accept(round: number, ...slots: readonly (readonly [slot: number, text: string])[]) {
  const entries = slots.map(([slot, text]) => ({ slot: toSlot(slot), entry: batch(text) }))
  const decided = { from: toSlot(0), upTo: toSlot(0) }
  return { kind: 'accept', ballot: ballot(round), decided, entries } as const
}

function prepare(round: number, node = 1, attempt = 1) {
  return { kind: 'prepare', ballot: ballot(round, node), attempt, fromSlot: toSlot(0) } as const
}

class Bench {
  readonly log = new SlotLog(toSlot(0), toSlot(0))
  readonly acceptor: Acceptor

  constructor(openSlotsMax = 100, openBytesMax = 1_000_000) {
    const limits = { promiseBytesMax: 1000, openSlotsMax, openBytesMax }
    this.acceptor = new Acceptor(zeroBallot(firstEpoch), this.log, new Grant(0, 0), limits)
  }
}

/** Everything that these effects send, and whether it waits for a commit. */
function sends(effects: readonly Effect[]): readonly (Message & { readonly isHeld: boolean })[] {
  return effects.flatMap((effect): (Message & { readonly isHeld: boolean })[] => {
    if (effect.kind === 'send') return [{ ...effect.message, isHeld: false }]
    return effect.kind === 'persist' ? effect.release.map(({ message }) => ({ ...message, isHeld: true })) : []
  })
}

function ranges(effects: readonly Effect[]): readonly { readonly from: Slot; readonly to: Slot }[] {
  return sends(effects).flatMap((message) => (message.kind === 'accepted' ? message.ranges : []))
}

test('an acceptor that voted in ballot 5 refuses ballot 4, in both phases', () => {
  const { acceptor } = new Bench()
  acceptor.onAccept(0, n1, accept(5, [0, 'a']))
  const refusal = { kind: 'nack', ballot: ballot(4), promised: ballot(5), leaseMs: 0, isHeld: false }
  assert.deepEqual(sends(acceptor.onPrepare(0, n1, prepare(4))), [refusal])
  assert.deepEqual(sends(acceptor.onAccept(0, n1, accept(4, [0, 'b']))), [refusal])
})

test('all votes of a turn are one commit, and its answer waits inside it', () => {
  const { acceptor } = new Bench()
  assert.deepEqual(acceptor.onAccept(0, n1, accept(1, [0, 'a'], [1, 'b'])), [])
  assert.deepEqual(acceptor.onAccept(0, n1, accept(1, [4, 'e'])), [])
  const effects = acceptor.flush()
  assert.equal(effects.length, 1)
  const [persist] = effects
  assert.ok(persist?.kind === 'persist')
  assert.deepEqual(
    persist.writes.map((write) => write.kind),
    ['promise', 'vote', 'vote', 'vote'],
  )
  assert.deepEqual(ranges(effects), [
    { from: 0, to: 2 },
    { from: 4, to: 5 },
  ])
  assert.deepEqual(acceptor.flush(), [])
})

test('a promise leaves no earlier than the votes of the same turn that it reports', () => {
  const { acceptor } = new Bench()
  acceptor.onAccept(0, n1, accept(1, [0, 'a']))
  const effects = acceptor.onPrepare(0, n2, prepare(2, 2))
  assert.deepEqual(
    sends(effects).map(({ kind, isHeld }) => [kind, isHeld]),
    [
      ['accepted', true],
      ['promise', true],
    ],
  )
  const promise = sends(effects).find((message) => message.kind === 'promise')
  assert.ok(promise?.kind === 'promise' && promise.votes.length === 1)
})

test('a repeated accept is answered again without being stored again', () => {
  const { acceptor } = new Bench()
  acceptor.onAccept(0, n1, accept(1, [0, 'a']))
  acceptor.flush()
  acceptor.onAccept(0, n1, accept(1, [0, 'a']))
  const [persist] = acceptor.flush()
  assert.ok(persist?.kind === 'persist' && persist.writes.length === 0 && persist.release.length === 1)
})

test('two entries at one ballot stop the node', () => {
  const { acceptor } = new Bench()
  acceptor.onAccept(0, n1, accept(1, [0, 'a']))
  assert.throws(() => acceptor.onAccept(0, n1, accept(1, [0, 'b'])), AssertionError)
})

test('a slot known chosen answers for its entry only, at whatever ballot', () => {
  const { acceptor, log } = new Bench()
  acceptor.learn({ slot: toSlot(0), entry: batch('a') })
  acceptor.onAccept(0, n1, accept(1, [0, 'b']))
  assert.deepEqual(ranges(acceptor.flush()), [])
  acceptor.onAccept(0, n2, accept(2, [0, 'a']))
  assert.deepEqual(ranges(acceptor.flush()), [{ from: 0, to: 1 }])
  assert.equal(log.vote(toSlot(0))?.chosen, true)
  assert.throws(() => acceptor.learn({ slot: toSlot(0), entry: batch('c') }), AssertionError)
})

test('too far ahead of the chosen prefix nothing is voted for, except in the next slot', () => {
  const few = new Bench(3)
  few.acceptor.onAccept(0, n1, accept(1, [1, 'b'], [2, 'c'], [3, 'd'], [0, 'a']))
  assert.deepEqual(ranges(few.acceptor.flush()), [{ from: 0, to: 3 }])
  const small = new Bench(100, 10)
  small.acceptor.onAccept(0, n1, accept(1, [1, 'b'], [2, 'c'], [0, 'a']))
  assert.deepEqual(ranges(small.acceptor.flush()), [{ from: 0, to: 2 }])
})

test('a vote loaded from disk above the promise stops the node', () => {
  const log = new SlotLog(toSlot(0), toSlot(0))
  log.put({ slot: toSlot(0), ballot: ballot(2), entry: batch('a'), chosen: false })
  const limits = { promiseBytesMax: 1000, openSlotsMax: 10, openBytesMax: 1000 }
  assert.throws(() => new Acceptor(ballot(1), log, new Grant(0, 0), limits), AssertionError)
})

test('a copy of a prepare is not answered again, one that was sent again is, and none once its ballot proposes', () => {
  const { acceptor, log } = new Bench()
  const entry = (byte: number) => ({ kind: 'batch', payload: new Uint8Array(400).fill(byte) }) as const
  const entries = [0, 1, 2, 3, 4, 5].map((slot) => ({ slot: toSlot(slot), entry: entry(slot) }))
  acceptor.onAccept(0, n1, {
    kind: 'accept',
    ballot: ballot(1),
    decided: { from: toSlot(0), upTo: toSlot(0) },
    entries,
  })
  acceptor.flush()
  const slotsOf = (effects: readonly Effect[]): readonly (readonly number[])[] =>
    sends(effects).flatMap((each) => (each.kind === 'promise' ? [each.votes.map(({ slot }) => slot)] : []))
  const first = acceptor.onPrepare(0, n2, prepare(2, 2))
  assert.deepEqual(slotsOf(first), [
    [0, 1],
    [2, 3],
    [4, 5],
  ])
  acceptor.markChosen(toSlot(0))
  log.advanceChosen()
  // Part 0 of the first answer and parts 1 and 2 of this one would be three of three, without slot 2.
  const again = acceptor.onPrepare(0, n2, prepare(2, 2, 2))
  assert.deepEqual(slotsOf(again), [[1, 2], [3, 4], [5]])
  assert.deepEqual(acceptor.onPrepare(0, n2, prepare(2, 2)), [])
  assert.deepEqual(acceptor.onPrepare(0, n2, prepare(2, 2, 2)), [])
  acceptor.onAccept(0, n2, { ...accept(2, [6, 'g']), ballot: ballot(2, 2) })
  acceptor.flush()
  assert.deepEqual(acceptor.onPrepare(0, n2, prepare(2, 2, 3)), [])
  assert.equal(sends(acceptor.onPrepare(0, n1, prepare(3)))[0]?.kind, 'promise')
})
