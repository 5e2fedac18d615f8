import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random } from '../../base/random.ts'
import type { Ballot } from '../ballot.ts'
import type { Effect } from '../effect.ts'
import type { Epoch } from '../epoch.ts'
import { firstEpoch, firstSlot, type NodeId, toEpochNumber, toIncarnation, toNodeId, toSlot } from '../ids.ts'
import type { Vote } from './message.ts'
import { type AcceptorState, MultiPaxos } from './multipaxos.ts'
import { defaultMultiPaxosOptions } from './options.ts'

const [n1, n2, n3, learner] = [toNodeId(1), toNodeId(2), toNodeId(3), toNodeId(4)]

const epoch: Epoch = {
  number: firstEpoch,
  protocol: 'multi',
  members: [n1, n2, n3, learner].map((id) => ({
    id,
    name: `n${id}`,
    peerAddress: '',
    kind: id === learner ? 'learner' : 'acceptor',
  })),
  q1: 2,
  q2: 2,
  leaseMs: 0,
  startSlot: firstSlot,
}

const empty: AcceptorState = {
  promised: undefined,
  chosenUpTo: firstSlot,
  truncatedUpTo: firstSlot,
  votes: [],
  unknown: [],
}

function engineOf(self: NodeId, state: Partial<AcceptorState> = {}, appliedUpTo = 0): MultiPaxos {
  return new MultiPaxos({
    self,
    incarnation: toIncarnation(1),
    epoch,
    state: { ...empty, ...state },
    appliedUpTo: toSlot(appliedUpTo),
    random: new Random(1),
    options: defaultMultiPaxosOptions,
    now: 0,
  })
}

function ballot(round: number, over: Partial<Ballot> = {}): Ballot {
  return { epoch: firstEpoch, round, node: n2, incarnation: toIncarnation(1), sub: 0, ...over }
}

function prepare(engine: MultiPaxos, from: NodeId, at: Ballot): readonly string[] {
  const message = { kind: 'prepare', ballot: at, attempt: 1, fromSlot: firstSlot } as const
  return kinds(engine.step(0, { kind: 'message', from, message }))
}

function kinds(effects: readonly Effect[]): readonly string[] {
  return effects.filter(({ kind }) => kind !== 'role').map(({ kind }) => kind)
}

function vote(slot: number, round: number): Vote {
  return {
    slot: toSlot(slot),
    ballot: ballot(round),
    entry: { kind: 'noop', payload: new Uint8Array(0) },
    chosen: false,
  }
}

test('messages of strangers, of other epochs and with absurd ballots are dropped', () => {
  const engine = engineOf(n1)
  assert.deepEqual(prepare(engine, toNodeId(9), ballot(1)), [])
  assert.deepEqual(prepare(engine, n2, ballot(1, { epoch: toEpochNumber(2) })), [])
  assert.deepEqual(prepare(engine, n2, ballot(2 ** 40)), [])
  assert.equal(engine.status().promised.round, 0)
  assert.deepEqual(prepare(engine, n2, ballot(1)), ['persist'])
})

test('a learner promises and votes nothing', () => {
  const engine = engineOf(learner)
  assert.deepEqual(prepare(engine, n2, ballot(1)), [])
  const entries = [{ slot: firstSlot, entry: vote(0, 1).entry }]
  const message = { kind: 'accept', ballot: ballot(1), decided: { from: firstSlot, upTo: firstSlot }, entries } as const
  assert.deepEqual(kinds(engine.step(0, { kind: 'message', from: n2, message })), [])
  assert.equal(engine.status().role, 'learner')
})

test('a vote that is missing below the stored watermark pulls it down, and the others stay known as chosen', () => {
  const votes = [vote(0, 1), vote(2, 1)]
  const engine = engineOf(n1, { promised: ballot(1), chosenUpTo: toSlot(3), votes, unknown: [toSlot(1)] })
  assert.equal(engine.status().chosenUpTo, 1)
  assert.deepEqual(engine.unknownSlots({ from: firstSlot, to: toSlot(9) }), [1])
  const message = {
    kind: 'catchupReply',
    truncatedUpTo: firstSlot,
    chosenUpTo: toSlot(2),
    entries: [{ slot: toSlot(1), entry: vote(1, 1).entry }],
  } as const
  const effects = engine.step(0, { kind: 'message', from: n2, message })
  assert.deepEqual(
    effects.flatMap((effect) => (effect.kind === 'learn' ? [effect.slot] : [])),
    [1, 2],
  )
})

test('a machine that is ahead of the log skips the log to where it is', () => {
  const engine = engineOf(n1, { promised: ballot(1), votes: [vote(0, 1), vote(5, 1)] }, 4)
  assert.deepEqual([engine.truncatedUpTo(), engine.status().chosenUpTo, engine.status().votedUpTo], [4, 4, 6])
})

test('who does not lead takes no proposals and has no room', () => {
  const engine = engineOf(n1)
  assert.equal(engine.room(), 0)
  const entry = { kind: 'batch', payload: new Uint8Array(1) } as const
  assert.deepEqual(kinds(engine.step(0, { kind: 'propose', proposal: 7, entry })), ['refused'])
})
