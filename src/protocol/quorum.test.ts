import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AssertionError } from '../base/assert.ts'
import { type NodeId, toNodeId } from './ids.ts'
import { countedQuorums, majority, quorumProblem } from './quorum.ts'

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
