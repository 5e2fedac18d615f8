import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Epoch } from '../protocol/epoch.ts'
import { firstEpoch, firstSlot, toNodeId, toSlot } from '../protocol/ids.ts'
import type { AcceptorReport } from './replica-service.ts'
import { SlotVotes } from './slot-votes.ts'

const members = [1, 2, 3, 4].map((id) => ({
  ...{ id: toNodeId(id), name: `n${id}`, peerAddress: `h${id}:1` },
  kind: id === 4 ? ('learner' as const) : ('acceptor' as const),
}))
const epoch: Epoch = {
  ...{ number: firstEpoch, protocol: 'multi', members, q1: 2, q2: 2, leaseMs: 0, featureLevel: 1 },
  ...{ startSlot: firstSlot, highestId: toNodeId(4) },
}

function report(id: number, slots: AcceptorReport['slots'], truncated = 0): AcceptorReport {
  const upTo = toSlot(truncated)
  return {
    node: toNodeId(id),
    truncatedUpTo: upTo,
    chosenUpTo: upTo,
    votedUpTo: toSlot(9),
    promised: { round: 1, node: 1 },
    slots,
  }
}

test('each acceptor says that it voted, has nothing, cut it off or cannot read it; silence is none of these', () => {
  const votes = new SlotVotes(epoch, [
    report(1, [
      { slot: toSlot(5), state: 'chosen', round: 2, node: 1 },
      { slot: toSlot(6), state: 'voted', round: 2, node: 1 },
      { slot: toSlot(7), state: 'unknown', round: 0, node: 0 },
    ]),
    report(3, [{ slot: toSlot(6), state: 'chosen', round: 0, node: 0 }], 6),
  ])
  const of = (slot: number): string[] =>
    votes.of(toSlot(slot)).map(({ node, state, ballot }) => `${node} ${state} ${ballot}`)
  assert.deepEqual(of(5), ['1 chosen 2.1', '2 noAnswer undefined', '3 truncated undefined'])
  assert.deepEqual(of(6), ['1 voted 2.1', '2 noAnswer undefined', '3 chosen undefined'])
  assert.deepEqual(of(7), ['1 unknown undefined', '2 noAnswer undefined', '3 none undefined'])
})
