import assert from 'node:assert/strict'
import test from 'node:test'
import type { PeerProgress } from '../protocol/engine.ts'
import { toNodeId, toSlot } from '../protocol/ids.ts'
import { DonorChoice } from './donor-choice.ts'

function peer(id: number, reachable: boolean, durableUpTo: number): PeerProgress {
  return { id: toNodeId(id), reachable, chosenUpTo: toSlot(durableUpTo), durableUpTo: toSlot(durableUpTo) }
}

test('those that answer and have the data are asked in turn', () => {
  const choice = new DonorChoice()
  const peers = [peer(1, false, 90), peer(2, true, 50), peer(3, true, 49), peer(4, true, 80)]
  const asked = Array.from({ length: 4 }, () => choice.next(peers, toSlot(50), []))
  assert.deepEqual(asked, [2, 4, 2, 4])
})

test('nobody is asked while nobody is known to have the data', () => {
  const choice = new DonorChoice()
  assert.equal(choice.next([peer(1, false, 90), peer(2, true, 10)], toSlot(50), []), undefined)
  assert.equal(choice.next([peer(1, true, 90), peer(2, true, 10)], toSlot(50), []), 1)
})

test('members of earlier epochs are asked in turn when no peer has the data', () => {
  const choice = new DonorChoice()
  const strangers = [toNodeId(7), toNodeId(8)]
  const peers = [peer(1, true, 10)]
  const asked = Array.from({ length: 3 }, () => choice.next(peers, toSlot(50), strangers))
  assert.deepEqual(asked, [7, 8, 7])
  assert.equal(choice.next([peer(1, true, 50)], toSlot(50), strangers), 1)
})
