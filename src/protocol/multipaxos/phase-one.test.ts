import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AssertionError } from '../../base/assert.ts'
import { fromBinary, toBinary } from '../../base/bytes.ts'
import type { Ballot } from '../ballot.ts'
import { firstEpoch, type NodeId, toIncarnation, toNodeId, toSlot } from '../ids.ts'
import { countedQuorums } from '../quorum.ts'
import type { Message, Vote } from './message.ts'
import { PhaseOne, type PhaseOneResult } from './phase-one.ts'

const [n1, n2, n3, n4, n5] = [toNodeId(1), toNodeId(2), toNodeId(3), toNodeId(4), toNodeId(5)]
const three = countedQuorums(new Set([n1, n2, n3]), 2, 2)

function ballot(round: number, node = 1): Ballot {
  return { epoch: firstEpoch, round, node: toNodeId(node), incarnation: toIncarnation(1), sub: 0 }
}

const claim = ballot(9)

function vote(slot: number, text: string, round: number, chosen = false): Vote {
  const entry = { kind: 'batch', payload: fromBinary(text) } as const
  return { slot: toSlot(slot), ballot: ballot(round), entry, chosen }
}

type Promise_ = Extract<Message, { kind: 'promise' }>

function promise(votes: readonly Vote[], over: Partial<Promise_> = {}): Promise_ {
  const zero = toSlot(0)
  return {
    kind: 'promise',
    ballot: claim,
    attempt: 1,
    part: 0,
    parts: 1,
    truncatedUpTo: zero,
    chosenUpTo: zero,
    votes,
    unknown: [],
    ...over,
  }
}

function phaseOne(promises: readonly (readonly [NodeId, Promise_])[], quorums = three): PhaseOne {
  const one = new PhaseOne(claim, toSlot(0), quorums)
  for (const [node, each] of promises) one.onPromise(node, each)
  return one
}

function proposals(result: PhaseOneResult | undefined): readonly string[] | undefined {
  return result?.proposals.map(({ slot, entry }) => `${slot}=${entry.kind === 'noop' ? '-' : toBinary(entry.payload)}`)
}

test('the entry of the highest ballot wins, in whatever order the promises come', () => {
  const low = [n1, promise([vote(0, 'low', 3)])] as const
  const high = [n2, promise([vote(0, 'high', 4)])] as const
  assert.deepEqual(proposals(phaseOne([low, high]).result()), ['0=high'])
  assert.deepEqual(proposals(phaseOne([high, low]).result()), ['0=high'])
})

test('nothing is settled before a phase-1 quorum promised, however often one node does', () => {
  const one = phaseOne([
    [n1, promise([])],
    [n1, promise([], { attempt: 2 })],
  ])
  assert.equal(one.result(), undefined)
  one.onPromise(toNodeId(9), promise([]))
  assert.equal(one.result(), undefined, 'a stranger is no acceptor')
  one.onPromise(n3, promise([]))
  assert.deepEqual(proposals(one.result()), [])
})

test('holes become no-ops, up to the highest vote', () => {
  const one = phaseOne([
    [n1, promise([vote(1, 'b', 2)])],
    [n2, promise([vote(4, 'e', 1)])],
  ])
  assert.deepEqual(proposals(one.result()), ['0=-', '1=b', '2=-', '3=-', '4=e'])
})

test('slots below what some acceptor knows chosen are not proposed but fetched from it', () => {
  const one = phaseOne([
    [n1, promise([vote(0, 'a', 1), vote(5, 'f', 1)])],
    [n2, promise([vote(5, 'g', 2)], { chosenUpTo: toSlot(4), truncatedUpTo: toSlot(2) })],
  ])
  const result = one.result()
  assert.equal(result?.chosenUpTo, 4)
  assert.equal(result?.source, n2)
  assert.deepEqual(proposals(result), ['4=-', '5=g'])
})

test('an entry that is known chosen wins over any ballot', () => {
  const one = phaseOne([
    [n1, promise([vote(0, 'chosen', 0, true)])],
    [n2, promise([vote(0, 'other', 7)])],
  ])
  assert.deepEqual(proposals(one.result()), ['0=chosen'])
})

test('a promise counts with all its parts of one attempt only', () => {
  const one = phaseOne([[n1, promise([])]])
  one.onPromise(n2, promise([vote(0, 'a', 1)], { part: 0, parts: 2 }))
  one.onPromise(n2, promise([vote(0, 'a', 1)], { part: 0, parts: 2 }))
  assert.ok(!one.hasPromised(n2))
  one.onPromise(n2, promise([vote(1, 'b', 2)], { attempt: 2, part: 1, parts: 2 }))
  assert.ok(!one.hasPromised(n2), 'parts of two attempts')
  one.onPromise(n2, promise([vote(1, 'x', 1)], { attempt: 1, part: 1, parts: 2 }))
  assert.ok(!one.hasPromised(n2), 'an earlier attempt is given up')
  one.onPromise(n2, promise([vote(0, 'a', 1)], { attempt: 2, part: 0, parts: 2 }))
  assert.ok(one.hasPromised(n2))
  assert.deepEqual(proposals(one.result()), ['0=a', '1=b'])
})

test('parts of two answers to one attempt are no promise: the acceptor was restarted between them, and told more', () => {
  const part = (which: number, over: Partial<Promise_>, ...slots: readonly number[]): Promise_ =>
    promise(
      slots.map((slot) => vote(slot, `${slot}`, 1)),
      { part: which, parts: 3, ...over },
    )
  const later = { chosenUpTo: toSlot(1) }
  const one = phaseOne([
    [n1, promise([])],
    [n2, part(0, {}, 0, 1)],
    [n2, part(1, later, 3, 4)],
    [n2, part(2, later, 5)],
  ])
  assert.equal(one.result(), undefined)
  one.onPromise(n2, part(0, later, 1, 2))
  assert.deepEqual(proposals(one.result()), ['1=1', '2=2', '3=3', '4=4', '5=5'])
})

test('a complete promise is not replaced by a later attempt', () => {
  const one = phaseOne([[n1, promise([vote(0, 'a', 1)])]])
  one.onPromise(n1, promise([], { attempt: 2, part: 0, parts: 2 }))
  assert.ok(one.hasPromised(n1))
})

test('a slot that an acceptor cannot read needs a phase-1 quorum of others', () => {
  const one = phaseOne([
    [n1, promise([])],
    [n2, promise([], { unknown: [toSlot(0)] })],
  ])
  assert.equal(one.result(), undefined)
  one.onPromise(n3, promise([vote(0, 'a', 1)]))
  assert.deepEqual(proposals(one.result()), ['0=a'])
})

test('an unreadable slot settles when another knows what was chosen there', () => {
  const unreadable = [n2, promise([], { unknown: [toSlot(1)] })] as const
  const known = phaseOne([[n1, promise([vote(1, 'b', 1, true)])], unreadable])
  assert.deepEqual(proposals(known.result()), ['0=-', '1=b'])
  const covered = phaseOne([[n1, promise([], { chosenUpTo: toSlot(2) })], unreadable])
  assert.deepEqual(proposals(covered.result()), [])
})

test('two entries at one ballot, or two chosen ones, stop the node', () => {
  const conflict = (a: Vote, b: Vote) => () =>
    phaseOne([
      [n1, promise([a])],
      [n2, promise([b])],
    ]).result()
  assert.throws(conflict(vote(0, 'a', 1), vote(0, 'b', 1)), AssertionError)
  assert.throws(conflict(vote(0, 'a', 1, true), vote(0, 'b', 2, true)), AssertionError)
  assert.throws(() => phaseOne([[n1, promise([], { ballot: ballot(8) })]]), AssertionError)
})

test('whatever a phase-2 quorum voted at a ballot is found by every phase-1 quorum', () => {
  const nodes = [n1, n2, n3, n4, n5]
  const some = fc.shuffledSubarray(nodes, { minLength: 0 })
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.shuffledSubarray(nodes, { minLength: 5 }),
      some,
      (q1, order, few) => {
        const q2 = 6 - q1
        const voters = new Set(order.slice(0, q2))
        const one = new PhaseOne(claim, toSlot(0), countedQuorums(new Set(nodes), q1, q2))
        // Others voted for something else at lower ballots; what was chosen wins.
        for (const node of [...order].reverse().slice(0, q1)) {
          const votes = voters.has(node) ? [vote(0, 'chosen', 5)] : few.includes(node) ? [vote(0, 'old', 4)] : []
          one.onPromise(node, promise(votes))
        }
        assert.deepEqual(proposals(one.result()), ['0=chosen'])
      },
    ),
  )
})

function stopSign(slot: number, round: number, chosen = false): Vote {
  return {
    ...vote(slot, `stop ${slot}`, round, chosen),
    entry: { kind: 'stopSign', payload: fromBinary(`stop ${slot}`) },
  }
}

test('a stop sign is void when a slot above it has a vote of a ballot as high, and its slot is free (T15)', () => {
  const one = phaseOne([
    [n1, promise([vote(0, 'a', 1), stopSign(1, 2)])],
    [n2, promise([vote(2, 'y', 3)])],
  ])
  assert.deepEqual(proposals(one.result()), ['0=a', '1=-', '2=y'])
})

test('a stop sign that stands is proposed again, and nothing above it (T16)', () => {
  const one = phaseOne([
    [n1, promise([vote(0, 'a', 1), stopSign(1, 2)])],
    [n2, promise([vote(4, 'w', 1)])],
  ])
  assert.deepEqual(proposals(one.result()), ['0=a', '1=stop 1'])
})

test('of two stop signs the lower one stands if it is the newer one, else the upper one', () => {
  const newerBelow = phaseOne([
    [n1, promise([stopSign(1, 3)])],
    [n2, promise([stopSign(3, 2)])],
  ])
  assert.deepEqual(proposals(newerBelow.result()), ['0=-', '1=stop 1'])
  const newerAbove = phaseOne([
    [n1, promise([stopSign(1, 2)])],
    [n2, promise([stopSign(3, 3)])],
  ])
  assert.deepEqual(proposals(newerAbove.result()), ['0=-', '1=-', '2=-', '3=stop 3'])
})

test('what is known chosen decides about a stop sign, whatever its ballot', () => {
  const chosenAbove = phaseOne([
    [n1, promise([stopSign(0, 5)])],
    [n2, promise([vote(1, 'z', 0, true)])],
  ])
  assert.deepEqual(proposals(chosenAbove.result()), ['0=-', '1=z'])
  const chosenStop = phaseOne([
    [n1, promise([stopSign(0, 0, true)])],
    [n2, promise([vote(1, 'z', 5)])],
  ])
  assert.deepEqual(proposals(chosenStop.result()), ['0=stop 0'])
  const both = phaseOne([
    [n1, promise([stopSign(0, 0, true)])],
    [n2, promise([vote(1, 'z', 0, true)])],
  ])
  assert.throws(() => both.result(), AssertionError)
})
