import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Ballot, compareBallots, formatBallot, isZeroBallot, maxBallot, sameBallot, zeroBallot } from './ballot.ts'
import { firstEpoch, toEpochNumber, toIncarnation, toNodeId } from './ids.ts'

const ballots: fc.Arbitrary<Ballot> = fc.record({
  epoch: fc.integer({ min: 1, max: 2 }).map(toEpochNumber),
  round: fc.integer({ min: 0, max: 3 }),
  node: fc.integer({ min: 1, max: 3 }).map(toNodeId),
  incarnation: fc.integer({ min: 0, max: 2 }).map(toIncarnation),
  sub: fc.integer({ min: 0, max: 2 }),
})

function fields({ epoch, round, node, incarnation, sub }: Ballot): readonly number[] {
  return [epoch, round, node, incarnation, sub]
}

test('ballots are ordered by epoch, round, node, incarnation and sub, in this order', () => {
  fc.assert(
    fc.property(ballots, ballots, (a, b) => {
      const at = fields(a).findIndex((field, index) => field !== fields(b)[index])
      const expected = at === -1 ? 0 : Math.sign((fields(a)[at] ?? 0) - (fields(b)[at] ?? 0))
      assert.equal(Math.sign(compareBallots(a, b)), expected)
      assert.equal(sameBallot(a, b), expected === 0)
      assert.deepEqual(maxBallot(a, b), expected >= 0 ? a : b)
    }),
  )
})

test('the zero ballot is below every ballot that a proposer uses', () => {
  const zero = zeroBallot(firstEpoch)
  const lowest = { epoch: firstEpoch, round: 1, node: toNodeId(1), incarnation: toIncarnation(0), sub: 0 }
  assert.ok(isZeroBallot(zero))
  assert.ok(!isZeroBallot(lowest))
  assert.ok(compareBallots(zero, lowest) < 0)
})

test('a ballot reads as round and node', () => {
  const ballot = { epoch: firstEpoch, round: 12, node: toNodeId(3), incarnation: toIncarnation(7), sub: 0 }
  assert.equal(formatBallot(ballot), '12.3')
})
