import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Epoch, Member } from './epoch.ts'
import { epochDifference } from './epoch-difference.ts'
import { firstSlot, toEpochNumber, toNodeId } from './ids.ts'

function member(id: number, kind: Member['kind'] = 'acceptor'): Member {
  return { id: toNodeId(id), name: `n${id}`, peerAddress: `h${id}:1`, kind }
}

const epoch: Epoch = {
  number: toEpochNumber(4),
  protocol: 'multi',
  members: [member(1), member(2), member(3), member(4, 'learner')],
  q1: 2,
  q2: 2,
  leaseMs: 0,
  startSlot: firstSlot,
  featureLevel: 2,
  highestId: toNodeId(4),
}

test('what changes from one epoch to the next is said in words', () => {
  const number = toEpochNumber(5)
  const moved = { ...member(2), peerAddress: 'h9:1' }
  const members = [member(1), moved, member(4), member(5, 'learner')]
  const said = epochDifference(epoch, { ...epoch, number, members, q1: 3, featureLevel: 3 })
  assert.equal(
    said,
    'epoch 5: n2 moves to h9:1, makes n4 an acceptor, adds n5 as a learner, removes n3, q1 2 to 3, feature level 2 to 3',
  )
  assert.equal(epochDifference(epoch, { ...epoch, number }), 'epoch 5: nothing')
})
