import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PaxosError } from '../../base/error.ts'
import { quorumProblem } from '../../protocol/quorum.ts'
import { quorumChoices, renderChoices } from './choices.ts'
import { completeSizes, explainQuorums, renderExplanation } from './explanation.ts'
import { nearestSizes } from './nearest-sizes.ts'

const nothing = { q1: undefined, q2: undefined, q2f: undefined, isFast: false }

test('an explanation has every rule with its arithmetic', () => {
  const explained = explainQuorums({ n: 5, q1: 4, q2: 2, q2f: 4 })
  assert.deepEqual(
    explained.rules.map((rule) => [rule.formula, rule.numbers]),
    [
      ['q1 + q2 > n', '4 + 2 = 6 > 5'],
      ['q1 + 2·q2f > 2n', '4 + 2·4 = 12 > 10'],
      ['n − q1 + 1', '5 − 4 + 1 = 2'],
      ['⌊(2n − q1) / 2⌋ + 1', '⌊(10 − 4) / 2⌋ + 1 = 4'],
      ['n − q1', '5 − 4 = 1'],
      ['n − q2', '5 − 2 = 3'],
      ['n − q2f', '5 − 4 = 1'],
      ['n − q1 + 1', '5 − 4 + 1 = 2'],
      ['n − min(q2, q2f) + 1', '5 − 2 + 1 = 4'],
    ],
  )
  assert.deepEqual(
    [explained.electionFailures, explained.choiceFailures, explained.fastFailures, explained.readQuorum],
    [1, 3, 1, 2],
  )
  assert.match(renderExplanation(explained), /^5 members, q1 4, q2 2, q2f 4: valid\n/)
})

test('without a fast path there is no word of it', () => {
  const explained = explainQuorums({ n: 3, q1: 2, q2: 2 })
  assert.equal(explained.q2f, null)
  assert.doesNotMatch(renderExplanation(explained), /fast|q2f/)
  assert.deepEqual(explained.warnings, [])
})

test('sizes that are right and seldom wanted are warned of', () => {
  assert.match(explainQuorums({ n: 3, q1: 3, q2: 1 }).warnings.join(), /one disk/)
  assert.match(explainQuorums({ n: 4, q1: 3, q2: 3 }).warnings.join(), /q1 2 or q2 2 would do/)
  assert.match(explainQuorums({ n: 5, q1: 2, q2: 4 }).warnings.join(), /must commit before it serves/)
  assert.match(explainQuorums({ n: 5, q1: 3, q2: 3, q2f: 5 }).warnings.join(), /q2f 4 would do/)
  assert.deepEqual(explainQuorums({ n: 1, q1: 1, q2: 1 }).warnings, [])
})

test('unsafe sizes are refused with the arithmetic and the nearest valid sizes', () => {
  assert.throws(
    () => explainQuorums({ n: 4, q1: 2, q2: 2 }),
    (error) => {
      assert.ok(error instanceof PaxosError)
      assert.equal(error.code, 'USAGE')
      assert.match(error.message, /2 \+ 2 for 4/)
      assert.equal(error.hint, 'Nearest valid sizes: q1 2, q2 3; q1 3, q2 2.')
      return true
    },
  )
  assert.throws(() => explainQuorums({ n: 5, q1: 3, q2: 3, q2f: 3 }), /3 \+ 2·3 = 9 for 2·5 = 10/)
})

test('the nearest sizes are valid, and no valid sizes are nearer', () => {
  for (let n = 1; n <= 5; n++) {
    for (let q1 = 0; q1 <= n + 2; q1++) {
      for (let q2 = 0; q2 <= n + 2; q2++) {
        for (const q2f of [undefined, 1, n + 1]) {
          const wanted = { n, q1, q2, q2f }
          const found = nearestSizes(wanted)
          assert.ok(found.length > 0)
          for (const sizes of found) assert.equal(quorumProblem(sizes), undefined)
          if (quorumProblem(wanted) === undefined) assert.deepEqual(found, [q2f === undefined ? { n, q1, q2 } : wanted])
        }
      }
    }
  }
  assert.deepEqual(nearestSizes({ n: 5, q1: 9, q2: 0 }), [{ n: 5, q1: 5, q2: 1 }])
  assert.deepEqual(nearestSizes({ n: 5, q1: 3, q2: 3, q2f: 3 }), [{ n: 5, q1: 3, q2: 3, q2f: 4 }])
})

test('the choices are the published table of least sizes', () => {
  const table = (n: number): number[][] => quorumChoices(n).map(({ q1, q2, q2f }) => [q1, q2, q2f])
  assert.deepEqual(table(3), [
    [2, 2, 3],
    [3, 1, 2],
  ])
  assert.deepEqual(table(4), [
    [3, 2, 3],
    [4, 1, 3],
  ])
  assert.deepEqual(table(6), [
    [4, 3, 5],
    [5, 2, 4],
    [6, 1, 4],
  ])
  assert.deepEqual(table(9), [
    [5, 5, 7],
    [6, 4, 7],
    [7, 3, 6],
    [8, 2, 6],
    [9, 1, 5],
  ])
  assert.deepEqual(
    quorumChoices(5).map((choice) => choice.isMajority),
    [true, false, false],
  )
  assert.match(renderChoices(quorumChoices(5), false), /^Q1 {2}LEAST Q2 {2}DOWN, ELECTING/)
  assert.match(renderChoices(quorumChoices(5), true), /LEAST Q2F/)
})

test('what is not given is a majority, as in a node', () => {
  assert.deepEqual(completeSizes(5, { ...nothing, q1: 4 }), { n: 5, q1: 4, q2: 3, q2f: undefined })
  assert.deepEqual(completeSizes(7, { ...nothing, q1: 5, q2: 3, isFast: true }), { n: 7, q1: 5, q2: 3, q2f: 5 })
  assert.deepEqual(completeSizes(4, { ...nothing, q2f: 4 }), { n: 4, q1: 3, q2: 3, q2f: 4 })
})
