import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Ballot, zeroBallot } from '../ballot.ts'
import { noop } from '../entry.ts'
import { firstEpoch, firstSlot, type Slot, toIncarnation, toNodeId, toSlot } from '../ids.ts'
import { countedQuorums } from '../quorum.ts'
import { SlotLog } from '../slot-log.ts'
import { Acceptor } from './acceptor.ts'
import { Grant } from './grant.ts'
import { Leader } from './leader.ts'
import { Learner } from './learner.ts'
import { defaultMultiPaxosOptions as options } from './options.ts'

const [n1, n2, n3] = [toNodeId(1), toNodeId(2), toNodeId(3)]
const ballot: Ballot = { epoch: firstEpoch, round: 2, node: n1, incarnation: toIncarnation(1), sub: 0 }

/** Leads from slot 0, with slots 0 to 3 open. */
function leading(): { leader: Leader; log: SlotLog } {
  const log = new SlotLog(firstSlot, firstSlot)
  const limits = { promiseBytesMax: 1e6, openSlotsMax: 1000, openBytesMax: 1e6 }
  const acceptor = new Acceptor(zeroBallot(firstEpoch), log, new Grant(0, 0), limits)
  const leader = new Leader(
    n1,
    [n2, n3],
    countedQuorums(new Set([n1, n2, n3]), 2, 2),
    log,
    new Learner(log, acceptor, options),
    options,
  )
  leader.start(0, ballot)
  const votes = [0, 1, 2, 3].map((slot) => ({
    slot: toSlot(slot),
    ballot: { ...ballot, round: 1 },
    entry: noop,
    chosen: false,
  }))
  for (const [node, found] of [
    [n1, []],
    [n2, votes],
  ] as const) {
    leader.onPromise(0, node, {
      kind: 'promise',
      ballot,
      attempt: 1,
      part: 0,
      parts: 1,
      truncatedUpTo: firstSlot,
      chosenUpTo: firstSlot,
      votes: found,
      unknown: [],
    })
  }
  assert.deepEqual([leader.phase, leader.openSlots], ['propose', 4])
  return { leader, log }
}

function skip(log: SlotLog, leader: Leader, upTo: number): boolean {
  log.skipTo(toSlot(upTo))
  return leader.onSkipped(toSlot(upTo))
}

test('a snapshot closes the open slots below it, and no notice speaks of them', () => {
  const { leader, log } = leading()
  assert.equal(skip(log, leader, 2), true)
  assert.deepEqual([leader.openSlots, leader.decided], [2, { from: 2, upTo: 2 }])
  assert.deepEqual(proposedSlots(leader), [2, 3])
  leader.onAccepted(n2, ballot, [{ from: toSlot(0), to: toSlot(4) }])
  leader.onAccepted(n3, ballot, [{ from: toSlot(2), to: toSlot(3) }])
  assert.deepEqual(leader.decided, { from: 2, upTo: 3 })
})

test('a snapshot of all that was proposed leaves nothing open', () => {
  const { leader, log } = leading()
  assert.equal(skip(log, leader, 4), true)
  assert.deepEqual([leader.openSlots, leader.decided], [0, { from: 4, upTo: 4 }])
})

test('a snapshot of more than was proposed means that a higher ballot chose something', () => {
  const { leader, log } = leading()
  assert.equal(skip(log, leader, 5), false)
})

function proposedSlots(leader: Leader): readonly Slot[] {
  return leader.takeAccepts().own.flatMap(({ entries }) => entries.map(({ slot }) => slot))
}
