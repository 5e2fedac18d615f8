import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromBinary, toBinary } from '../../base/bytes.ts'
import type { Ballot } from '../ballot.ts'
import type { Epoch } from '../epoch.ts'
import { attributionOf, encodeStopSign, epochAfter, raisedBy } from '../epoch-codec.ts'
import { auditLevel } from '../feature-level.ts'
import {
  firstEpoch,
  firstSlot,
  type NodeId,
  type Slot,
  toEpochNumber,
  toIncarnation,
  toNodeId,
  toSlot,
} from '../ids.ts'
import type { Vote } from '../multipaxos/message.ts'
import { type PlannedRecovery, planRecovery, type Recovery, type RecoveryInput } from './recovery.ts'
import { mergeEpochs, type Survivor, survivorLog } from './survivor.ts'

function epochOf(size: number, q1: number, q2: number, number = 1, startSlot = 0): Epoch {
  const members = Array.from({ length: size }, (_, i) => {
    return { id: toNodeId(i + 1), name: `n${i + 1}`, peerAddress: `h${i + 1}:1`, kind: 'acceptor' as const }
  })
  const sizes = { q1, q2, leaseMs: 0, featureLevel: 1, startSlot: toSlot(startSlot), highestId: toNodeId(size) }
  return { number: toEpochNumber(number), protocol: 'multi', members, ...sizes }
}

const three = epochOf(3, 2, 2)
const ann = { actor: 'ann', node: '', address: '' }

function ballot(round: number, epoch = 1): Ballot {
  return { epoch: toEpochNumber(epoch), round, node: toNodeId(1), incarnation: toIncarnation(1), sub: 0 }
}

function vote(slot: number, round: number, value: string): Vote {
  return {
    slot: toSlot(slot),
    ballot: ballot(round),
    entry: { kind: 'batch', payload: fromBinary(value) },
    chosen: false,
  }
}

interface Disk {
  readonly promised?: number
  readonly chosen?: number
  readonly truncated?: number
  readonly applied?: number
  readonly votes?: readonly Vote[]
  readonly unknown?: readonly number[]
  readonly epoch?: Epoch
  readonly changes?: Partial<Survivor>
}

function survivor(node: number, disk: Disk = {}): Survivor {
  const { votes = [], epoch = three } = disk
  const { promised = votes.reduce((round, each) => Math.max(round, each.ballot.round), 1) } = disk
  const { log, begun } = survivorLog(epoch, {
    promised: ballot(promised),
    chosenUpTo: toSlot(disk.chosen ?? 0),
    truncatedUpTo: toSlot(disk.truncated ?? 0),
    votes,
    unknown: (disk.unknown ?? []).map(toSlot),
  })
  return {
    ...{ id: toNodeId(node), name: `n${node}`, clusterId: 'c', diskId: `d${node}` },
    appliedUpTo: toSlot(disk.applied ?? 0),
    epochs: mergeEpochs([epoch], begun),
    logs: [log],
    incarnations: [{ incarnation: 2, incarnationId: `b${node}` }],
    met: [],
    ...disk.changes,
  }
}

function plan(survivors: readonly Survivor[], changes: Partial<RecoveryInput> = {}): PlannedRecovery {
  const wishes = { dead: ['n2', 'n3'], q1: undefined, q2: undefined, raiseBy: 100, by: { origin: ann, timeMs: 7 } }
  return planRecovery({ survivors, ...wishes, ...changes })
}

function good(survivors: readonly Survivor[], changes: Partial<RecoveryInput> = {}): Recovery {
  const { problems, recovery } = plan(survivors, changes)
  assert.deepEqual(problems, [])
  assert.ok(recovery !== undefined)
  return recovery
}

/** `slot:class:payload`, and `!` where something may be lost. */
function findings({ logs }: Recovery): string[] {
  return logs.flatMap((log) =>
    log.findings.map(({ slot, class: kind, entry, mayDiffer }) => {
      return `${slot}:${kind}:${entry.kind === 'batch' ? toBinary(entry.payload) : entry.kind}${mayDiffer ? '!' : ''}`
    }),
  )
}

test('one of three keeps what is chosen and what it voted for, and says that the dead alone may have done more', () => {
  const recovery = good([survivor(1, { chosen: 1, votes: [vote(0, 1, 'a'), vote(1, 1, 'b'), vote(3, 1, 'd')] })])
  assert.equal(recovery.from, 1)
  assert.deepEqual(findings(recovery), ['1:possible:b!', '2:unseen:noop!', '3:possible:d!'])
  assert.equal(recovery.mayGoOnFrom, 4)
  assert.equal(recovery.next.startSlot, 5)
  assert.deepEqual(
    recovery.next.members.map(({ name }) => name),
    ['n1'],
  )
  assert.deepEqual([recovery.next.q1, recovery.next.q2, recovery.next.highestId], [1, 1, 3])
})

test('the stop sign after the decided entries begins the next epoch, and raises counters only if something may be lost', () => {
  const lossy = good([survivor(1)])
  const sign = lossy.logs.at(-1)?.entries.at(-1)
  assert.ok(sign?.entry.kind === 'stopSign')
  assert.deepEqual(epochAfter(sign.slot, sign.entry.payload), lossy.next)
  assert.equal(raisedBy(sign.entry.payload), 100)
  // It takes three of four to choose: two that are dead have chosen nothing alone.
  const four = epochOf(4, 3, 3)
  const exact = good([survivor(1, { epoch: four }), survivor(2, { epoch: four })], { dead: ['n3', 'n4'] })
  assert.equal(exact.raisedBy, 0)
  assert.equal(raisedBy(exact.logs.at(-1)?.entries.at(-1)?.entry.payload ?? new Uint8Array(0)), 0)
})

test('the stop sign says who recovered, where the cluster has a trail', () => {
  const signOf = ({ logs }: Recovery): Uint8Array => logs.at(-1)?.entries.at(-1)?.entry.payload ?? new Uint8Array(0)
  assert.equal(attributionOf(signOf(good([survivor(1)]))), undefined)
  const withTrail = good([survivor(1, { epoch: { ...three, featureLevel: auditLevel } })])
  const detail = 'recovered from the loss of its quorum, epoch 2: removes n2, removes n3, q1 2 to 1, q2 2 to 1'
  assert.deepEqual(attributionOf(signOf(withTrail)), { origin: ann, timeMs: 7, detail })
  assert.equal(raisedBy(signOf(withTrail)), 100)
})

test('as many open slots as a disk may have are no more than it takes time for', () => {
  const slots = Array.from({ length: 150_000 }, (_, slot) => slot)
  const unknown = good([survivor(1, { unknown: slots })])
  assert.equal(unknown.logs[0]?.findings.length, 150_000)
  const voted = good([survivor(1, { votes: slots.map((slot) => vote(slot, 1, 'a')) })])
  assert.equal(voted.next.startSlot, 150_001)
})

test('of two votes the one of the higher ballot is kept, and the lower one is proved not chosen', () => {
  const five = epochOf(5, 3, 3)
  const left = [
    survivor(1, { epoch: five, votes: [vote(0, 1, 'old')] }),
    survivor(4, { epoch: five, votes: [vote(0, 7, 'new')] }),
  ]
  for (const survivors of [left, left.toReversed()]) {
    assert.deepEqual(findings(good(survivors, { dead: ['n2', 'n3', 'n5'] })), ['0:possible:new!'])
  }
})

test('with fewer dead than it takes to choose, no vote proves that nothing was chosen', () => {
  const five = epochOf(5, 4, 3)
  const left = [1, 2, 3].map((node) => survivor(node, { epoch: five, votes: node === 1 ? [vote(1, 1, 'b')] : [] }))
  const recovery = good(left, { dead: ['n4', 'n5'] })
  assert.deepEqual(findings(recovery), ['0:empty:noop', '1:possible:b'])
  assert.equal(recovery.mayGoOnFrom, undefined)
  assert.equal(recovery.raisedBy, 0)
})

test('who voted again at a higher ballot may have voted for the same below it, so it may have been chosen there', () => {
  const five = epochOf(5, 4, 4)
  const rounds = [5, 1, undefined]
  const left = rounds.map((round, at) => {
    return survivor(at + 1, { epoch: five, promised: 5, votes: round === undefined ? [] : [vote(0, round, 'a')] })
  })
  // At ballot 5 there is one vote, and the two that are dead make three: too few. At ballot 1 it may have been four.
  assert.deepEqual(findings(good(left, { dead: ['n4', 'n5'] })), ['0:possible:a'])
  const alone = [left[0], left[2], survivor(2, { epoch: five, promised: 5 })].filter((each) => each !== undefined)
  assert.deepEqual(findings(good(alone, { dead: ['n4', 'n5'] })), ['0:unchosen:a'])
})

test('a vote that cannot be read counts as anything, and its slot says that it may be lost', () => {
  const five = epochOf(5, 4, 3)
  const left = [1, 2, 3].map((node) => survivor(node, { epoch: five, promised: 2, unknown: node === 1 ? [0] : [] }))
  assert.deepEqual(findings(good(left, { dead: ['n4', 'n5'] })), ['0:unseen:noop!'])
})

test('an entry that nobody has left is lost for certain, and no plan is made', () => {
  const { problems, recovery } = plan([survivor(1, { chosen: 9, truncated: 9 })])
  assert.match(problems.join(), /Slots 0 to 8 are chosen, and nobody who is left has them/)
  assert.equal(recovery?.from, 0)
  // Another who holds the data, or the log, is enough.
  good([survivor(1, { chosen: 9, truncated: 9, applied: 9 })])
})

test('who lacks entries gets them from a log, or a snapshot where they are truncated', () => {
  const five = epochOf(5, 3, 3)
  const votes = [0, 1, 2, 3].map((slot) => vote(slot, 1, `v${slot}`))
  const full = survivor(1, { epoch: five, chosen: 4, votes, applied: 2 })
  const behind = survivor(2, { epoch: five, chosen: 1, votes: votes.slice(0, 1) })
  const needs = (survivors: readonly Survivor[]): string[] =>
    good(survivors, { dead: ['n3', 'n4', 'n5'] }).standings.map((each) => `${each.id} ${each.reach} ${each.needs}`)
  assert.deepEqual(needs([behind, full]), ['1 4 nothing', '2 1 entries'])
  const cut = survivor(1, { epoch: five, chosen: 4, truncated: 4, applied: 4 })
  assert.deepEqual(needs([behind, cut]), ['1 4 nothing', '2 1 snapshot'])
})

test('a change of epoch that was under way is finished first, and the next epoch ends that one', () => {
  const { startSlot: _, ...five } = epochOf(5, 3, 3, 2)
  const stop: Vote = { ...vote(1, 3, ''), entry: { kind: 'stopSign', payload: encodeStopSign(five) } }
  const recovery = good([survivor(1, { votes: [vote(0, 3, 'a'), stop] })], { dead: ['n2', 'n3', 'n4', 'n5'] })
  assert.deepEqual(
    recovery.logs.map(({ epoch, from, entries }) => [epoch.number, from, entries.length]),
    [
      [1, 0, 2],
      [2, 2, 1],
    ],
  )
  assert.deepEqual([recovery.next.number, recovery.next.startSlot], [3, 3])
  assert.match(plan([survivor(1, { votes: [vote(0, 3, 'a'), stop] })]).problems.join(), /n4 is not accounted for/)
})

test('a stop sign that is void is none, and what was voted above it is kept', () => {
  const { startSlot: _, ...next } = epochOf(3, 2, 2, 2)
  const stop: Vote = { ...vote(0, 2, ''), entry: { kind: 'stopSign', payload: encodeStopSign(next) } }
  const recovery = good([survivor(1, { votes: [stop, vote(1, 5, 'b')] })])
  assert.deepEqual(findings(recovery), ['0:unseen:noop!', '1:possible:b!'])
  assert.equal(recovery.next.number, 2)
})

test('an epoch that began is taken up by who does not know it yet', () => {
  const { startSlot: _, ...after } = epochOf(3, 2, 2, 2)
  const stop: Vote = { ...vote(0, 2, ''), entry: { kind: 'stopSign', payload: encodeStopSign(after) }, chosen: true }
  const recovery = good([survivor(1, { votes: [stop] })])
  assert.deepEqual([recovery.epoch.number, recovery.from, recovery.next.number, recovery.next.startSlot], [2, 1, 3, 2])
})

test('learners go on as they are, and vote only when nobody else is left', () => {
  const epoch = {
    ...three,
    members: three.members.map((member, at) => ({ ...member, kind: at === 0 ? ('learner' as const) : member.kind })),
    q1: 2,
    q2: 2,
  }
  const alone = good([survivor(1, { epoch, applied: 3 })])
  assert.deepEqual(
    alone.next.members.map(({ kind }) => kind),
    ['acceptor'],
  )
  const { problems } = plan([survivor(1, { epoch, applied: 3 }), survivor(2, { epoch })], { dead: ['n3'] })
  assert.deepEqual(problems, [])
})

test('what cannot be is refused with the reason', () => {
  const wrong = (survivors: readonly Survivor[], pattern: RegExp, changes: Partial<RecoveryInput> = {}): void =>
    assert.match(plan(survivors, changes).problems.join(' '), pattern)
  const met = (node: NodeId, changes: object): Partial<Survivor> => ({
    met: [{ node, diskId: 'd1', incarnation: 2, incarnationId: 'b1', ...changes }],
  })
  const dead = { dead: ['n3'] }
  wrong([], /nobody to recover from/)
  wrong([survivor(1), survivor(2)], /quorum still: start n1, n2/, dead)
  wrong([survivor(1), survivor(2, { changes: { clusterId: 'x' } })], /different clusters: n1 is of c, n2 is of x/, dead)
  wrong([survivor(1), survivor(1)], /n1 is given twice/)
  wrong([survivor(1), survivor(2, { changes: met(toNodeId(1), { incarnation: 5 }) })], /n1 is an older or another copy/)
  wrong(
    [survivor(1), survivor(2, { changes: met(toNodeId(1), { incarnationId: 'x' }) })],
    /n1 is an older or another copy/,
  )
  wrong([survivor(1), survivor(2, { changes: met(toNodeId(1), { diskId: 'x' }) })], /n1 is an older or another copy/)
  wrong([survivor(1), survivor(2, { epoch: epochOf(3, 3, 2) })], /n1 and n2 know different epochs 1/)
  wrong([survivor(7)], /n7 is no member of epoch 1/)
  wrong([survivor(1)], /n2 is not accounted for/, dead)
  wrong([survivor(1)], /n1 is named as dead, and its state is given/, { dead: ['n1', 'n2', 'n3'] })
  wrong([survivor(1)], /no member "n9"/, { dead: ['n2', 'n3', 'n9'] })
  wrong([survivor(1)], /next epoch cannot be: q1 must be between/, { q1: 2 })
  const five = epochOf(5, 4, 4)
  const votes = (value: string): Disk => ({ epoch: five, votes: [vote(0, 1, value)] })
  wrong([survivor(1, votes('a')), survivor(2, votes('b'))], /n1 and n2 contradict each other in slot 0/, {
    dead: ['n3', 'n4', 'n5'],
  })
})

test('the ballot of what is decided is above all promises, and one that no node uses', () => {
  const [log] = good([survivor(1, { promised: 9, votes: [vote(0, 4, 'a')] })]).logs
  assert.deepEqual(log?.ballot, {
    epoch: firstEpoch,
    round: 10,
    node: toNodeId(1),
    incarnation: toIncarnation(0),
    sub: 0,
  })
  assert.equal(log?.from, firstSlot as Slot)
})
