import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random } from '../../base/random.ts'
import { type Ballot, zeroBallot } from '../ballot.ts'
import { firstEpoch, type NodeId, toIncarnation, toNodeId, toSlot } from '../ids.ts'
import { countedQuorums } from '../quorum.ts'
import { Election, type Standing, type Verdict } from './election.ts'
import type { Message } from './message.ts'

const [n1, n2, n3] = [toNodeId(1), toNodeId(2), toNodeId(3)]
const learner = toNodeId(4)
const zero = zeroBallot(firstEpoch)
const [roundMs, urgentMs] = [500, 200]
/** Rounds are up to 15 % longer than they are called. */
const roundEndMs = roundMs * 1.15
const urgentEndMs = urgentMs * 1.15

function ballot(round: number, node: NodeId): Ballot {
  return { epoch: firstEpoch, round, node, incarnation: toIncarnation(1), sub: 0 }
}

type Reply = Extract<Message, { kind: 'surveyReply' }>

/** One node's election with the answers of the others written by hand. */
class Bench {
  readonly election: Election
  now = 0
  round = 0
  standing: Standing = { phase: 'idle', promised: zero, missingFrom: [] }

  constructor(self = n1) {
    const members = [n1, n2, n3]
    this.election = new Election({
      self,
      epoch: firstEpoch,
      incarnation: toIncarnation(1),
      others: [...members, learner].filter((id) => id !== self),
      acceptors: new Set(members),
      quorums: countedQuorums(new Set(members), 2, 2),
      random: new Random(1),
      roundMs,
      urgentRoundMs: urgentMs,
    })
    this.tick(0)
  }

  tick(ms: number): Verdict {
    this.now += ms
    const { verdict, effects } = this.election.onTick(this.now, this.standing)
    for (const effect of effects) {
      if (effect.kind === 'send' && effect.message.kind === 'survey') this.round = effect.message.round
    }
    return verdict
  }

  answer(from: NodeId, over: Partial<Reply> = {}): void {
    const slots = { chosenUpTo: toSlot(0), durableUpTo: toSlot(0) }
    const reply: Reply = {
      kind: 'surveyReply',
      round: this.round,
      ballot: zero,
      leader: zero,
      happy: false,
      ...slots,
      ...over,
    }
    this.election.onSurveyReply(this.now, from, reply)
  }

  /** Ends a round in which this node believed in nobody. */
  endUrgent(): Verdict {
    return this.tick(urgentEndMs)
  }
}

const none = { claim: undefined, lostQuorum: false }

test('an unhappy node claims when enough answer and nobody of them is happy', () => {
  const bench = new Bench()
  bench.answer(n2)
  const { claim } = bench.endUrgent()
  assert.deepEqual(claim, ballot(1, n1))
  assert.equal(bench.election.leader, n1)
  assert.equal(bench.election.claims, 1)
})

test('a node that hears too few does not claim', () => {
  const bench = new Bench()
  assert.deepEqual(bench.endUrgent(), none)
  assert.equal(bench.election.leader, undefined)
})

test('a node does not claim while somebody who answers is happy: it only lost its own link', () => {
  const bench = new Bench()
  bench.answer(n2)
  bench.answer(n3, { happy: true, leader: ballot(4, n2) })
  assert.deepEqual(bench.endUrgent(), none)
})

test('a learner is asked how far it is, and has no say in who leads', () => {
  const bench = new Bench()
  bench.answer(learner, { happy: true, leader: ballot(4, n2), durableUpTo: toSlot(7) })
  assert.equal(bench.election.progress(learner)?.durableUpTo, 7)
  assert.deepEqual(bench.endUrgent(), none, 'a learner makes no quorum')
  bench.answer(n2)
  bench.answer(learner, { happy: true, leader: ballot(4, n2) })
  assert.deepEqual(bench.endUrgent().claim, ballot(5, n1), 'a learner holds nobody back')
})

test('who answers is known at once, and until a round without an answer is over', () => {
  const bench = new Bench()
  assert.equal(bench.election.isReachable(n2), false)
  bench.answer(n2)
  assert.equal(bench.election.isReachable(n2), true)
  bench.endUrgent()
  assert.equal(bench.election.isReachable(n2), true)
  bench.standing = { ...bench.standing, phase: 'prepare' }
  bench.tick(roundEndMs)
  assert.equal(bench.election.isReachable(n2), false)
})

test('answers to an earlier round do not count', () => {
  const bench = new Bench()
  bench.answer(n2, { round: 0 })
  assert.deepEqual(bench.endUrgent(), none)
})

test('a claim is above everything heard of, promises and refusals included', () => {
  const bench = new Bench()
  bench.election.noteSeen(ballot(6, n3))
  bench.standing = { ...bench.standing, promised: ballot(8, n3) }
  bench.answer(n2, { leader: ballot(7, n2) })
  assert.deepEqual(bench.endUrgent().claim, ballot(9, n1))
})

test('a follower is happy as long as the leader itself answers and is happy', () => {
  const bench = new Bench()
  const leader = ballot(1, n2)
  bench.election.heard(0, leader)
  assert.equal(bench.election.leader, n2)
  bench.answer(n2, { ballot: leader, leader, happy: true })
  bench.endUrgent()
  assert.equal(bench.election.leader, n2)
  assert.deepEqual(bench.tick(300), none)
  // The leader itself says that it lost its quorum.
  bench.answer(n2, { ballot: leader, leader, happy: false })
  bench.answer(n3, { leader, happy: false })
  assert.deepEqual(bench.tick(100), none, 'the round is not over')
  assert.deepEqual(bench.tick(roundEndMs - 400).claim, ballot(2, n1))
})

test('a silent leader makes its follower unhappy at once, but it asks again before it claims', () => {
  const bench = new Bench()
  const leader = ballot(1, n2)
  bench.election.heard(0, leader)
  bench.answer(n2, { ballot: leader, leader, happy: true })
  bench.answer(n3, { leader, happy: true })
  bench.tick(urgentEndMs)
  bench.answer(n3, { leader, happy: true })
  assert.deepEqual(bench.tick(roundMs - urgentEndMs), none)
  assert.equal(bench.election.leader, undefined)
  bench.answer(n3, { leader, happy: false })
  assert.deepEqual(bench.endUrgent().claim, ballot(2, n1))
})

test('a leader that gave up is replaced after one short round, and old news of others changes nothing', () => {
  const bench = new Bench()
  const leader = ballot(5, n2)
  bench.election.heard(0, leader)
  bench.election.onVacant(ballot(4, n2))
  assert.equal(bench.election.leader, n2)
  bench.election.onVacant(leader)
  assert.equal(bench.election.leader, undefined)
  bench.tick(0)
  bench.answer(n3, { leader })
  assert.deepEqual(bench.endUrgent().claim, ballot(6, n1))
})

test('a leader goes on while a phase-2 quorum answers under its ballot, and stops when it does not', () => {
  const bench = new Bench()
  bench.answer(n2)
  const own = bench.endUrgent().claim
  assert.ok(own !== undefined)
  bench.standing = { ...bench.standing, phase: 'propose' }
  bench.answer(n2, { leader: own, happy: true })
  assert.deepEqual(bench.tick(roundEndMs), none)
  assert.equal(bench.election.leader, n1)
  bench.answer(n2, { leader: ballot(9, n3), happy: true })
  assert.deepEqual(bench.tick(roundEndMs), { claim: undefined, lostQuorum: true })
  assert.equal(bench.election.leader, undefined)
})

test('a leader whose source of missing entries is gone claims again, above itself', () => {
  const bench = new Bench()
  bench.answer(n2)
  const own = bench.endUrgent().claim
  assert.ok(own !== undefined)
  bench.standing = { phase: 'propose', promised: own, missingFrom: [n3] }
  bench.answer(n2, { leader: own, happy: true })
  bench.answer(n3, { leader: own, happy: true })
  assert.deepEqual(bench.tick(roundEndMs), none, 'the source answers: it will be fetched')
  bench.answer(n2, { leader: own, happy: true })
  assert.deepEqual(bench.tick(roundEndMs), { claim: ballot(2, n1), lostQuorum: false })
})

test('a higher ballot in an answer is followed, and never outbid in the same breath', () => {
  const bench = new Bench()
  bench.answer(n2, { ballot: ballot(3, n2), leader: ballot(3, n2), happy: true })
  assert.deepEqual(bench.endUrgent(), none)
  assert.equal(bench.election.leader, n2)
  assert.deepEqual(bench.election.ballot, ballot(3, n2))
})

test('a leader below a candidate that was never elected is followed once the candidate is gone', () => {
  const led = { leader: ballot(2, n2), happy: true }
  for (const promised of [ballot(2, n2), ballot(2, n3)]) {
    const bench = new Bench()
    bench.standing = { ...bench.standing, promised }
    bench.answer(n3, { ballot: ballot(2, n3), leader: ballot(2, n3), happy: true })
    bench.endUrgent()
    assert.equal(bench.election.leader, n3)
    // It has restarted and knows of no claim, and follows who leads. Its silence ends the first round.
    bench.tick(roundEndMs)
    for (let round = 0; round < 3; round++) {
      if (round > 0) bench.tick(roundMs / 2)
      bench.answer(n2, { ...led, ballot: ballot(2, n2) })
      bench.answer(n3, led)
      assert.equal(bench.tick(round === 0 ? urgentEndMs : roundEndMs - roundMs / 2).claim, undefined)
      // Who promised more would not vote for it: then it must not be counted among its followers.
      assert.equal(bench.election.leader, promised.node === n2 ? n2 : undefined)
    }
  }
})

test('a retired node never claims', () => {
  const bench = new Bench()
  bench.election.retire()
  for (let round = 0; round < 5; round++) {
    bench.answer(n2)
    bench.answer(n3)
    assert.equal(bench.endUrgent().claim, undefined)
  }
})

test('rounds differ in length, so that candidates do not claim in step', () => {
  const bench = new Bench()
  const lengths = new Set<number>()
  let began = bench.now
  for (let i = 0; i < 2000; i++) {
    const { round } = bench
    bench.tick(1)
    bench.answer(n2, { happy: true })
    if (bench.round === round) continue
    lengths.add(bench.now - began)
    began = bench.now
  }
  assert.ok(lengths.size > 1, [...lengths].join(', '))
})

test('what others have applied is remembered for truncation', () => {
  const bench = new Bench()
  assert.equal(bench.election.progress(n2), undefined)
  bench.answer(n2, { chosenUpTo: toSlot(9), durableUpTo: toSlot(7) })
  assert.deepEqual(bench.election.progress(n2), { chosenUpTo: 9, durableUpTo: 7 })
  assert.deepEqual(bench.election.onSurvey(4, toSlot(3), toSlot(2)), {
    kind: 'surveyReply',
    round: 4,
    ballot: zero,
    leader: zero,
    happy: false,
    chosenUpTo: 3,
    durableUpTo: 2,
  })
})
