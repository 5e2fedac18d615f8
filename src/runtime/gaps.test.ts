import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Epoch } from '../protocol/epoch.ts'
import { firstEpoch, firstSlot, toIncarnation, toNodeId, toSlot } from '../protocol/ids.ts'
import { classifyGaps, type GapInput } from './gaps.ts'
import type { AcceptorReport } from './replica-service.ts'

function epochOf(size: number, q1: number, q2: number): Epoch {
  const members = Array.from({ length: size }, (_, i) => ({
    id: toNodeId(i + 1),
    name: `n${i + 1}`,
    peerAddress: '',
    kind: 'acceptor' as const,
  }))
  return {
    number: firstEpoch,
    protocol: 'multi',
    members,
    q1,
    q2,
    leaseMs: 0,
    startSlot: firstSlot,
    featureLevel: 1,
    highestId: toNodeId(members.length),
  }
}

interface Said {
  readonly chosen?: number
  readonly truncated?: number
  /** slot → `round.node`, `*round.node` when known chosen, or `?` when the record is unreadable. */
  readonly votes?: Readonly<Record<number, string>>
}

function report(node: number, { chosen = 0, truncated = 0, votes = {} }: Said): AcceptorReport {
  const slots = Object.entries(votes).map(([slot, vote]) => {
    const [round = '0', by = '0'] = vote.replace('*', '').split('.')
    const state = vote === '?' ? ('unknown' as const) : vote.startsWith('*') ? ('chosen' as const) : ('voted' as const)
    return { slot: toSlot(Number(slot)), state, round: Number(round) || 0, node: Number(by) }
  })
  const votedUpTo = Math.max(chosen, ...Object.keys(votes).map((slot) => Number(slot) + 1))
  return {
    node: toNodeId(node),
    truncatedUpTo: toSlot(truncated),
    chosenUpTo: toSlot(chosen),
    votedUpTo: toSlot(votedUpTo),
    promised: { round: 9, node: 1 },
    slots,
  }
}

const leaderBallot = { epoch: firstEpoch, round: 5, node: toNodeId(2), incarnation: toIncarnation(1), sub: 0 }

function classes(reports: readonly AcceptorReport[], options: Partial<GapInput> = {}): string[] {
  const { rows } = classifyGaps({
    self: toNodeId(1),
    epoch: epochOf(3, 2, 2),
    reports,
    leader: undefined,
    range: { from: toSlot(0), to: toSlot(1000) },
    ...options,
  })
  return rows.map((row) => `${row.from}-${row.to} ${row.class}`)
}

test('what is truncated or chosen here is no gap', () => {
  assert.deepEqual(classes([report(1, { truncated: 3, chosen: 5 }), report(2, {})]), ['0-3 truncated'])
  assert.deepEqual(classes([report(1, { votes: { 0: '*1.1' } }), report(2, {})]), [])
})

test('what another member knows chosen, or has truncated, is unlearned here', () => {
  assert.deepEqual(classes([report(1, { chosen: 1 }), report(2, { chosen: 4 })]), ['1-4 unlearned'])
  assert.deepEqual(classes([report(1, {}), report(2, { truncated: 2, chosen: 2 })]), ['0-2 unlearned'])
  assert.deepEqual(classes([report(1, {}), report(2, { votes: { 0: '*1.1' } })]), ['0-1 unlearned'])
})

test('votes at one ballot by a phase-2 quorum are chosen, though nobody knows it', () => {
  const reports = [report(1, { votes: { 0: '1.1' } }), report(2, { votes: { 0: '1.1' } })]
  assert.deepEqual(classes(reports), ['0-1 unlearned'])
  const apart = [report(1, { votes: { 0: '1.1' } }), report(2, { votes: { 0: '2.2' } })]
  assert.deepEqual(classes(apart), ['0-1 undecided'])
})

test('a vote at the ballot of a live leader is in flight, however few answer', () => {
  const reports = [report(1, { votes: { 0: '5.2' } })]
  assert.deepEqual(classes(reports, { leader: { ballot: leaderBallot } }), ['0-1 inFlight'])
  assert.deepEqual(classes(reports), ['0-1 unknown'])
})

test('no vote in a phase-1 quorum below a voted slot is a hole', () => {
  assert.deepEqual(classes([report(1, {}), report(2, { votes: { 2: '1.1' } })]), ['0-2 hole', '2-3 undecided'])
})

test('an unreadable vote and a missing answer are never taken for no vote', () => {
  assert.deepEqual(classes([report(1, { votes: { 0: '?', 1: '1.1' } }), report(2, {})]), [
    '0-1 unknown',
    '1-2 undecided',
  ])
  assert.deepEqual(classes([report(1, { votes: { 1: '1.1' } })]), ['0-1 unknown', '1-2 unknown'])
})

test('quorums are those of the epoch', () => {
  const epoch = epochOf(5, 4, 2)
  const three = [1, 2, 3].map((node) => report(node, node === 3 ? { votes: { 1: '1.1' } } : {}))
  assert.deepEqual(classes(three, { epoch }), ['0-1 unknown', '1-2 unknown'])
  assert.deepEqual(classes([...three, report(4, {})], { epoch }), ['0-1 hole', '1-2 undecided'])
  const two = [report(1, { votes: { 0: '1.1' } }), report(2, { votes: { 0: '1.1' } })]
  assert.deepEqual(classes(two, { epoch }), ['0-1 unlearned'])
})

test('slots of one class with the same votes are one row, and the range bounds them', () => {
  const votes = { 10: '1.1', 11: '1.1', 12: '2.2', 13: '2.2' }
  const reports = [report(1, { votes }), report(2, {})]
  assert.deepEqual(classes(reports), ['0-10 hole', '10-12 undecided', '12-14 undecided'])
  assert.deepEqual(classes(reports, { range: { from: toSlot(5), to: toSlot(11) } }), ['5-10 hole', '10-11 undecided'])
})

test('a row says what each acceptor said, and what to do', () => {
  const { rows, highestVoted, chosenUpTo } = classifyGaps({
    self: toNodeId(1),
    epoch: epochOf(3, 2, 2),
    reports: [report(1, { votes: { 0: '1.1' } }), report(3, {})],
    leader: undefined,
    range: { from: toSlot(0), to: toSlot(9) },
  })
  assert.deepEqual(rows[0]?.votes, [
    { node: 1, state: 'voted', ballot: '1.1' },
    { node: 2, state: 'noAnswer', ballot: undefined },
    { node: 3, state: 'none', ballot: undefined },
  ])
  assert.ok((rows[0]?.advice.length ?? 0) > 0)
  assert.deepEqual([highestVoted, chosenUpTo], [0, 0])
})
