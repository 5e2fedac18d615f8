import { assert } from '../base/assert.ts'
import type { NodeId } from './ids.ts'

/** Sizes of one epoch. `q1` to lead, `q2` to choose; `q1 + q2 > n` (Flexible Paxos, Howard et al. 2016, section 3). */
export interface QuorumSizes {
  readonly n: number
  readonly q1: number
  readonly q2: number
}

/** Decides what is a quorum. Nothing else in the system counts acceptors. */
export interface QuorumSystem {
  readonly sizes: QuorumSizes
  /** Enough promises to lead. */
  isPhase1(nodes: ReadonlySet<NodeId>): boolean
  /** Enough votes at one ballot to choose. */
  isPhase2(nodes: ReadonlySet<NodeId>): boolean
  /** Meets every phase-1 quorum, so no newer leader can exist unseen: for reads and leases. */
  meetsAllPhase1(nodes: ReadonlySet<NodeId>): boolean
  /** Meets every phase-2 quorum, so no chosen value can be unseen. */
  meetsAllPhase2(nodes: ReadonlySet<NodeId>): boolean
}

export function majority(n: number): number {
  return Math.floor(n / 2) + 1
}

/** What is wrong with these sizes, or undefined. Used on input from users before `countedQuorums` asserts. */
export function quorumProblem({ n, q1, q2 }: QuorumSizes): string | undefined {
  for (const [name, q] of [
    ['q1', q1],
    ['q2', q2],
  ] as const) {
    if (!Number.isSafeInteger(q) || q < 1 || q > n) return `${name} must be between 1 and ${n}, got ${q}`
  }
  if (q1 + q2 <= n) {
    return `q1 + q2 must exceed the number of members, got ${q1} + ${q2} for ${n}: the quorums could miss each other`
  }
  return undefined
}

export function countedQuorums(members: ReadonlySet<NodeId>, q1: number, q2: number): QuorumSystem {
  const n = members.size
  const problem = quorumProblem({ n, q1, q2 })
  assert(problem === undefined, problem ?? '')
  const count = (nodes: ReadonlySet<NodeId>): number => {
    let counted = 0
    for (const node of nodes) if (members.has(node)) counted++
    return counted
  }
  return {
    sizes: { n, q1, q2 },
    isPhase1: (nodes) => count(nodes) >= q1,
    isPhase2: (nodes) => count(nodes) >= q2,
    meetsAllPhase1: (nodes) => count(nodes) >= n - q1 + 1,
    meetsAllPhase2: (nodes) => count(nodes) >= n - q2 + 1,
  }
}
