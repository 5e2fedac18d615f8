import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Epoch, Member } from './epoch.ts'
import { type MemberState, planEpoch, type WantedEpoch, type WantedMember } from './epoch-plan.ts'
import { firstSlot, toEpochNumber, toNodeId } from './ids.ts'

function member(id: number, kind: Member['kind'] = 'acceptor'): Member {
  return { id: toNodeId(id), name: `n${id}`, peerAddress: `h${id}:1`, kind }
}

const current: Epoch = {
  number: toEpochNumber(4),
  protocol: 'multi',
  members: [member(1), member(2), member(3), member(5, 'learner')],
  q1: 2,
  q2: 2,
  leaseMs: 0,
  startSlot: firstSlot,
  featureLevel: 1,
  highestId: toNodeId(6),
}

const well: MemberState = { reachable: true, lagSlots: 0, featureMax: 1 }

function keep(...names: readonly string[]): WantedMember[] {
  return names.map((name) => {
    const learner = name.endsWith('?')
    return { name: name.replace('?', ''), peerAddress: undefined, kind: learner ? 'learner' : 'acceptor' }
  })
}

function plan(
  members: readonly WantedMember[],
  over: Partial<WantedEpoch> = {},
  states: Record<number, MemberState> = {},
) {
  return planEpoch({
    current,
    wanted: { after: 4, members, q1: undefined, q2: undefined, ...over },
    leader: toNodeId(1),
    lagSlotsMax: 100,
    stateOf: (id) => states[id] ?? well,
  })
}

test('a learner that has caught up becomes an acceptor, and majorities stay majorities', () => {
  const { next, problems, before, after } = plan(keep('n1', 'n2', 'n3', 'n5'))
  assert.deepEqual(problems, [])
  assert.deepEqual([next.number, next.q1, next.q2, next.highestId], [5, 3, 3, 6])
  assert.deepEqual([before.toElect, after.toElect, after.acceptors, after.reachable], [1, 1, 4, 4])
})

test('a new member gets an id that nobody had, and begins as a learner', () => {
  const joiner = { name: 'n7', peerAddress: 'h7:1', kind: 'learner' } as const
  const { next, problems } = plan([...keep('n1', 'n2', 'n3', 'n5?'), joiner])
  assert.deepEqual(problems, [])
  assert.deepEqual([next.members.at(-1)?.id, next.highestId], [7, 7])
  assert.match(plan([...keep('n1', 'n2', 'n3'), { ...joiner, kind: 'acceptor' }]).problems.join(), /n7 is new/)
  assert.match(plan(keep('n1', 'n2', 'n3', 'n7?')).problems.join(), /no address/)
})

test('replacing is one change, and an old name with a new id is a new member', () => {
  const { next, problems } = plan(keep('n1', 'n2', 'n5'))
  assert.deepEqual(problems, [])
  assert.deepEqual(
    next.members.map(({ id, kind }) => `${id} ${kind}`),
    ['1 acceptor', '2 acceptor', '5 acceptor'],
  )
})

test('what would lose the quorum is refused, with the arithmetic', () => {
  const down = { reachable: false, lagSlots: undefined, featureMax: undefined }
  assert.deepEqual(plan(keep('n1', 'n2'), {}, { 2: down }).problems, [
    'The new epoch could elect nobody: q1 is 2, and 1 of its 2 acceptors answer now.',
    'The new epoch could choose nothing: q2 is 2, and 1 of its 2 acceptors answer now.',
  ])
  assert.match(plan(keep('n1', 'n2', 'n3', 'n5?'), { q1: 1 }).problems.join(), /got 1 \+ 2 for 3/)
  assert.match(plan(keep('n5?')).problems.join(), /No acceptor/)
})

test('a learner that lags or does not answer is not promoted', () => {
  const all = keep('n1', 'n2', 'n3', 'n5')
  assert.match(
    plan(all, {}, { 5: { reachable: true, lagSlots: 101, featureMax: 1 } }).problems.join(),
    /n5 lags by 101 slots/,
  )
  assert.match(
    plan(all, {}, { 5: { reachable: true, lagSlots: undefined, featureMax: 1 } }).problems.join(),
    /unknown number/,
  )
  assert.match(
    plan(all, {}, { 5: { reachable: false, lagSlots: 0, featureMax: 1 } }).problems.join(),
    /n5 does not answer/,
  )
})

test('a change that follows another epoch, changes nothing or names somebody twice is refused', () => {
  assert.match(plan(keep('n1', 'n2', 'n3'), { after: 3 }).problems.join(), /follow epoch 3, but the newest is 4/)
  assert.match(plan(keep('n1', 'n2', 'n3', 'n5?')).problems.join(), /Nothing would change/)
  assert.match(plan(keep('n1', 'n2', 'n3', 'n3')).problems.join(), /n3 is named twice/)
})

test('what is worth knowing is a warning', () => {
  assert.match(plan(keep('n2', 'n3')).warnings.join(), /leader itself leaves.*fewer failures/)
  assert.match(plan(keep('n1?', 'n2', 'n3')).warnings.join(), /becomes a learner/)
})

test('quorum sizes that are no majorities stay as they are, unless others are given', () => {
  const flexible = { ...current, q1: 3, q2: 1 }
  const input = { current: flexible, leader: toNodeId(1), lagSlotsMax: 100, stateOf: () => well }
  const wanted = { after: 4, members: keep('n1', 'n2'), q1: undefined, q2: undefined }
  assert.match(planEpoch({ ...input, wanted }).problems.join(), /q1 must be between 1 and 2, got 3/)
  assert.deepEqual(planEpoch({ ...input, wanted: { ...wanted, q1: 2 } }).problems, [])
})

test('the feature level rises when every member is known to understand it, and never falls', () => {
  const members = keep('n1', 'n2', 'n3', 'n5?')
  const able: MemberState = { ...well, featureMax: 2 }
  const all = { 1: able, 2: able, 3: able, 5: able }
  const rise = plan(members, { featureLevel: 2 }, all)
  assert.deepEqual(rise.problems, [])
  assert.equal(rise.next.featureLevel, 2)
  assert.equal(plan(keep('n1', 'n2', 'n3')).next.featureLevel, 1)
  const old = plan(members, { featureLevel: 2 }, { ...all, 5: well }).problems.join()
  assert.match(old, /n5 understands feature level 1, not 2: upgrade it first/)
  const silent = plan(members, { featureLevel: 2 }, { ...all, 3: { ...able, featureMax: undefined } }).problems.join()
  assert.match(silent, /n3 does not answer, so nobody knows/)
  assert.match(plan(members, { featureLevel: 0 }).problems.join(), /never falls/)
  assert.match(plan(members, { featureLevel: 1 }).problems.join(), /Nothing would change/)
})
