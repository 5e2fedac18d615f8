import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AssertionError } from '../base/assert.ts'
import { type NodeId, toNodeId } from './ids.ts'
import { countedQuorums, fastQuorumMin, majority, otherQuorumMin, quorumMargins, quorumProblem } from './quorum.ts'

const ids = (count: number): NodeId[] => Array.from({ length: count }, (_, index) => toNodeId(index + 1))

function subsets(nodes: readonly NodeId[]): ReadonlySet<NodeId>[] {
  const sets: ReadonlySet<NodeId>[] = []
  for (let bits = 0; bits < 2 ** nodes.length; bits++) {
    sets.push(new Set(nodes.filter((_, index) => (bits >> index) % 2 === 1)))
  }
  return sets
}

const meet = (a: ReadonlySet<NodeId>, b: ReadonlySet<NodeId>): boolean => [...a].some((node) => b.has(node))

test('every set of up to seven members is judged as an enumeration of all quorums judges it', () => {
  for (let n = 1; n <= 7; n++) {
    const members = ids(n)
    const all = subsets(members)
    for (let q1 = 1; q1 <= n; q1++) {
      for (let q2 = n - q1 + 1; q2 <= n; q2++) {
        const quorums = countedQuorums(new Set(members), q1, q2)
        const phase1 = all.filter((set) => set.size === q1)
        const phase2 = all.filter((set) => set.size === q2)
        for (const one of phase1) for (const two of phase2) assert.ok(meet(one, two), `n=${n} q1=${q1} q2=${q2}`)
        for (const set of all) {
          assert.equal(quorums.isPhase1(set), set.size >= q1)
          assert.equal(quorums.isPhase2(set), set.size >= q2)
          assert.equal(
            quorums.meetsAllPhase1(set),
            phase1.every((one) => meet(one, set)),
          )
          assert.equal(
            quorums.meetsAllPhase2(set),
            phase2.every((two) => meet(two, set)),
          )
        }
      }
    }
  }
})

test('sizes whose quorums could miss each other are a problem, and so are impossible ones', () => {
  for (let n = 1; n <= 5; n++) {
    for (let q1 = -1; q1 <= n + 1; q1++) {
      for (let q2 = -1; q2 <= n + 1; q2++) {
        const isSound = q1 >= 1 && q1 <= n && q2 >= 1 && q2 <= n && q1 + q2 > n
        assert.equal(quorumProblem({ n, q1, q2 }) === undefined, isSound, `n=${n} q1=${q1} q2=${q2}`)
      }
    }
  }
  assert.match(quorumProblem({ n: 4, q1: 2, q2: 2 }) ?? '', /miss each other/)
  assert.match(quorumProblem({ n: 3, q1: 1.5, q2: 3 }) ?? '', /q1/)
  assert.throws(() => countedQuorums(new Set(ids(4)), 2, 2), AssertionError)
})

/** Every set of `size` of `n` members, as bits. */
function sets(n: number, size: number): readonly number[] {
  const bitsOf = (bits: number): number => bits.toString(2).replaceAll('0', '').length
  return Array.from({ length: 2 ** n }, (_, bits) => bits).filter((bits) => bitsOf(bits) === size)
}

test('fast quorums fit exactly when every two of them and every phase-1 quorum share a member', () => {
  for (let n = 1; n <= 7; n++) {
    for (let q2f = 1; q2f <= n; q2f++) {
      const fast = sets(n, q2f)
      const pairs = new Set(fast.flatMap((one) => fast.map((two) => one & two)))
      for (let q1 = 1; q1 <= n; q1++) {
        const meet = sets(n, q1).every((phase1) => [...pairs].every((pair) => (phase1 & pair) !== 0))
        assert.equal(quorumProblem({ n, q1, q2: n, q2f }) === undefined, meet, `n=${n} q1=${q1} q2f=${q2f}`)
        assert.equal(q2f >= fastQuorumMin(n, q1), meet, `n=${n} q1=${q1} q2f=${q2f}`)
      }
    }
  }
})

test('least sizes and margins are what an enumeration of all sets finds', () => {
  for (let n = 1; n <= 7; n++) {
    const sizes = Array.from({ length: n }, (_, at) => at + 1)
    const least = (holds: (size: number) => boolean): number | undefined => sizes.find(holds)
    const meetAll = (size: number, q: number): boolean =>
      sets(n, size).every((one) => sets(n, q).every((two) => (one & two) !== 0))
    for (const q1 of sizes) {
      assert.equal(
        otherQuorumMin(n, q1),
        least((q2) => quorumProblem({ n, q1, q2 }) === undefined),
      )
      assert.equal(
        fastQuorumMin(n, q1),
        least((q2f) => quorumProblem({ n, q1, q2: n, q2f }) === undefined),
      )
      for (const q2 of sizes.filter((size) => size >= otherQuorumMin(n, q1))) {
        for (const q2f of [undefined, ...sizes.filter((size) => size >= fastQuorumMin(n, q1))]) {
          const margins = quorumMargins({ n, q1, q2, q2f })
          assert.equal(
            margins.meetsPhase1,
            least((size) => meetAll(size, q1)),
          )
          assert.equal(
            margins.meetsPhase2,
            least((size) => meetAll(size, q2) && (q2f === undefined || meetAll(size, q2f))),
          )
          assert.equal(n - margins.electionFailures, q1)
          assert.equal(n - margins.choiceFailures, q2)
          assert.equal(margins.fastFailures, q2f === undefined ? undefined : n - q2f)
        }
      }
    }
  }
})

test('with a majority to lead, a fast quorum is three quarters of the members, rounded up', () => {
  for (let n = 1; n <= 31; n++) assert.equal(fastQuorumMin(n, majority(n)), Math.ceil((3 * n) / 4), `n=${n}`)
})

test('fast sizes that are too small or impossible are a problem, with the arithmetic', () => {
  assert.match(quorumProblem({ n: 5, q1: 3, q2: 3, q2f: 3 }) ?? '', /3 \+ 2·3 = 9 for 2·5 = 10/)
  assert.match(quorumProblem({ n: 5, q1: 3, q2: 3, q2f: 6 }) ?? '', /q2f must be between 1 and 5, got 6/)
  assert.match(quorumProblem({ n: 5, q1: 3, q2: 3, q2f: Number.NaN }) ?? '', /q2f/)
})

test('nodes that are no members count for nothing', () => {
  const quorums = countedQuorums(new Set(ids(3)), 2, 2)
  const strangers = new Set([toNodeId(1), toNodeId(7), toNodeId(8)])
  assert.ok(!quorums.isPhase1(strangers))
  assert.ok(!quorums.isPhase2(strangers))
  assert.ok(!quorums.meetsAllPhase1(strangers))
})

test('a majority is more than half', () => {
  assert.deepEqual([1, 2, 3, 4, 5, 6, 7].map(majority), [1, 2, 2, 3, 3, 4, 4])
})
