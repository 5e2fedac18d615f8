import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chainValueOf } from '../machine/chain.ts'
import { toSlot } from '../protocol/ids.ts'
import { RecentChains } from './recent-chains.ts'

const hashOf = (slot: number): Int32Array => Int32Array.of(slot, -slot, slot * 7, 1)
const chainOf = (slot: number): string => chainValueOf(hashOf(slot))

function noted(from: number, to: number, chains = new RecentChains()): RecentChains {
  for (let slot = from; slot < to; slot++) chains.note(toSlot(slot), hashOf(slot))
  return chains
}

test('it gives what was noted, through every growth', () => {
  const chains = noted(100, 3000)
  for (let slot = 100; slot < 3000; slot++) assert.equal(chains.at(toSlot(slot)), chainOf(slot))
  assert.equal(chains.at(toSlot(99)), undefined)
  assert.equal(chains.at(toSlot(3000)), undefined)
})

test('it forgets the oldest when it is full', () => {
  const chains = noted(1, 100_001)
  assert.equal(chains.at(toSlot(100_000)), chainOf(100_000))
  assert.equal(chains.at(toSlot(100_001 - 65_536)), chainOf(100_001 - 65_536))
  assert.equal(chains.at(toSlot(100_000 - 65_536)), undefined)
})

test('after a jump, as a snapshot makes it, it begins anew', () => {
  const chains = noted(500, 510, noted(1, 50))
  assert.equal(chains.at(toSlot(49)), undefined)
  assert.equal(chains.at(toSlot(499)), undefined)
  assert.equal(chains.at(toSlot(509)), chainOf(509))
})

test('what is cleared is gone, and the next is noted as before', () => {
  const chains = noted(1, 50)
  chains.clear()
  assert.equal(chains.at(toSlot(49)), undefined)
  noted(50, 52, chains)
  assert.equal(chains.at(toSlot(49)), undefined)
  assert.equal(chains.at(toSlot(51)), chainOf(51))
})
