import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random } from '../../base/random.ts'
import type { Ballot } from '../ballot.ts'
import type { Effect } from '../effect.ts'
import type { Entry } from '../entry.ts'
import type { Epoch } from '../epoch.ts'
import type { Event } from '../event.ts'
import { firstEpoch, firstSlot, type NodeId, toEpochNumber, toIncarnation, toNodeId, toSlot } from '../ids.ts'
import type { AcceptorState } from './acceptor-state.ts'
import type { Message, Vote } from './message.ts'
import { MultiPaxos } from './multipaxos.ts'
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
  featureLevel: 1,
  highestId: learner,
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
    isNew: false,
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

function stopSign(slot: number, round: number, chosen: boolean): Vote {
  return { ...vote(slot, round), entry: { kind: 'stopSign', payload: Uint8Array.of(slot) }, chosen }
}

/** Knows slots 0 to 3 chosen, the last of them a stop sign. */
function ended(): MultiPaxos {
  const votes = [vote(0, 1), vote(1, 1), vote(2, 1), stopSign(3, 1, false)]
  return engineOf(n1, { promised: ballot(1), chosenUpTo: toSlot(4), votes }, 4)
}

function promisesOf(effects: readonly Effect[]): Extract<Message, { kind: 'promise' }>[] {
  const sent = effects.flatMap((effect) => (effect.kind === 'persist' ? effect.release : []))
  return sent.flatMap(({ message }) => (message.kind === 'promise' ? [message] : []))
}

test('who knows the stop sign chosen tells it to everybody who wants to lead, wherever they begin', () => {
  const engine = ended()
  const message = { kind: 'prepare', ballot: ballot(2), attempt: 1, fromSlot: toSlot(4) } as const
  const [promise] = promisesOf(engine.step(0, { kind: 'message', from: n2, message }))
  assert.equal(promise?.chosenUpTo, 3)
  assert.deepEqual(
    promise?.votes.map(({ slot, entry, chosen }) => [slot, entry.kind, chosen]),
    [[3, 'stopSign', true]],
  )
})

test('an epoch that is over is led no more, and nothing is voted above its stop sign', () => {
  const engine = ended()
  engine.step(0, { kind: 'flush' })
  for (let now = 0; now < 10_000; now += 50) {
    for (const effect of engine.step(now, { kind: 'tick' })) assert.notEqual(effect.kind, 'send')
    engine.step(now, { kind: 'flush' })
  }
  engine.step(10_000, { kind: 'campaign' })
  assert.equal(engine.status().role, 'follower')
  assert.equal(engine.status().stop?.slot, 3)
  const entries = [{ slot: toSlot(4), entry: vote(4, 2).entry }]
  const decided = { from: firstSlot, upTo: firstSlot }
  engine.step(10_000, { kind: 'message', from: n2, message: { kind: 'accept', ballot: ballot(2), decided, entries } })
  assert.deepEqual(engine.votes({ from: toSlot(4), to: toSlot(9) }), [])
})

test('the stop sign is never truncated: whoever asks is told what ended the epoch', () => {
  const engine = ended()
  engine.step(0, { kind: 'applied', upTo: toSlot(4), durableUpTo: toSlot(4) })
  engine.step(0, { kind: 'restored', upTo: toSlot(3) })
  assert.deepEqual([engine.truncatedUpTo(), engine.chosen(toSlot(3), 1000).length], [3, 1])
})

test('a leader proposes nothing above its stop sign, and serves no reads from then on', () => {
  const alone: Epoch = { ...epoch, members: epoch.members.slice(0, 1), q1: 1, q2: 1, leaseMs: 1000 }
  const [random, options] = [new Random(1), defaultMultiPaxosOptions]
  const setup = { self: n1, incarnation: toIncarnation(1), state: empty, random, options, isNew: true }
  const engine = new MultiPaxos({ ...setup, epoch: alone, appliedUpTo: firstSlot, now: 0 })
  const run = (events: readonly Event[]): Effect[] => {
    const effects: Effect[] = []
    for (const queue = [...events]; queue.length > 0; ) {
      const event = queue.shift()
      assert(event !== undefined)
      for (const effect of engine.step(0, event)) {
        effects.push(effect)
        const sent = effect.kind === 'send' ? [effect] : effect.kind === 'persist' ? effect.release : []
        for (const { to, message } of sent) if (to.includes(n1)) queue.push({ kind: 'message', from: n1, message })
      }
      if (queue.length === 0 && event.kind !== 'flush') queue.push({ kind: 'flush' })
    }
    return effects
  }
  const propose = (proposal: number, kind: Entry['kind']): readonly string[] =>
    kinds(run([{ kind: 'propose', proposal, entry: { kind, payload: Uint8Array.of(proposal) } }]))
  run([{ kind: 'campaign' }])
  assert.ok(propose(1, 'barrier').includes('proposed'))
  run([{ kind: 'flush' }, { kind: 'tick' }])
  assert.deepEqual([engine.status().steady, engine.leaseHolds(0)], [true, true])
  const stop = engine.step(0, { kind: 'propose', proposal: 2, entry: { kind: 'stopSign', payload: Uint8Array.of(2) } })
  assert.deepEqual(kinds(stop), ['proposed'])
  assert.deepEqual([engine.status().steady, engine.leaseHolds(0), engine.room()], [false, false, 0])
  assert.deepEqual(propose(3, 'batch').slice(0, 1), ['refused'])
  run([{ kind: 'flush' }])
  assert.deepEqual([engine.status().stop?.slot, engine.status().chosenUpTo], [1, 2])
})

test('an epoch begins at its first slot, and a node that is new to it has granted nothing in it', () => {
  const later: Epoch = { ...epoch, number: toEpochNumber(2), startSlot: toSlot(40), leaseMs: 1000 }
  const [random, options] = [new Random(1), defaultMultiPaxosOptions]
  const setup = { self: n1, incarnation: toIncarnation(1), state: empty, random, options, epoch: later, now: 0 }
  const answer = (isNew: boolean): readonly string[] => {
    const engine = new MultiPaxos({ ...setup, appliedUpTo: toSlot(7), isNew })
    assert.deepEqual([engine.truncatedUpTo(), engine.status().chosenUpTo], [40, 40])
    return prepare(engine, n2, ballot(1, { epoch: later.number }))
  }
  assert.deepEqual(answer(true), ['persist'])
  assert.deepEqual(answer(false), ['send'], 'its silence after a start is not over')
})

/** What these effects write, in order, and what waits for it. */
function written(effects: readonly Effect[]): readonly string[] {
  return effects.flatMap((effect) => {
    if (effect.kind !== 'persist') return []
    const writes = effect.writes.map((write) => (write.kind === 'chosen' ? `chosen ${write.upTo}` : write.kind))
    return [...writes, ...effect.release.map(({ message }) => `then ${message.kind}`)]
  })
}

test('what a promise leaves out as chosen is on the disk as chosen before the promise leaves', () => {
  const engine = engineOf(n1, { promised: ballot(1), votes: [vote(0, 1), vote(1, 1)] })
  const step = (event: Event): readonly Effect[] => engine.step(0, event)
  step({ kind: 'tick' })
  const decided = { from: firstSlot, upTo: toSlot(1) }
  step({ kind: 'message', from: n2, message: { kind: 'decide', ballot: ballot(1), decided } })
  assert.deepEqual(written(step({ kind: 'flush' })), ['chosen 1'])
  // No tick since.
  step({
    kind: 'message',
    from: n2,
    message: { kind: 'decide', ballot: ballot(1), decided: { from: firstSlot, upTo: toSlot(2) } },
  })
  assert.deepEqual(written(step({ kind: 'flush' })), [])
  const message = { kind: 'prepare', ballot: ballot(2), attempt: 1, fromSlot: firstSlot } as const
  assert.deepEqual(written(step({ kind: 'message', from: n2, message })), ['chosen 2', 'promise', 'then promise'])
})

test('that an epoch is over is on the disk at once: nobody may be there any more to ask', () => {
  const stop: Vote = { ...vote(1, 1), entry: { kind: 'stopSign', payload: Uint8Array.of(2) } }
  const engine = engineOf(n1, { promised: ballot(1), votes: [vote(0, 1), stop] })
  const step = (event: Event): readonly Effect[] => engine.step(0, event)
  const decide = (upTo: number): Event => {
    const decided = { from: firstSlot, upTo: toSlot(upTo) }
    return { kind: 'message', from: n2, message: { kind: 'decide', ballot: ballot(1), decided } }
  }
  step({ kind: 'tick' })
  step(decide(1))
  assert.deepEqual(written(step({ kind: 'flush' })), ['chosen 1'])
  step(decide(2))
  assert.deepEqual(written(step({ kind: 'flush' })), ['chosen 2'])
  assert.equal(engine.status().stop?.slot, 1)
})
