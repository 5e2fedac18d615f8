import { assert } from '../base/assert.ts'
import type { NodeId } from './ids.ts'

/**
 * Sizes of one epoch. `q1` to lead, `q2` to choose; `q1 + q2 > n` (Flexible Paxos, Howard et al. 2016, section 3). `q2f`
 * to choose at a fast ballot, where the acceptors may vote for different values; `q1 + 2·q2f > 2n` (Fast Flexible
 * Paxos, Howard, Charapko and Mortier 2021). Undefined where there are no fast ballots.
 */
export interface QuorumSizes {
  readonly n: number
  readonly q1: number
  readonly q2: number
  readonly q2f?: number | undefined
}

/** What sizes that fit together give, in members. */
export interface QuorumMargins {
  /** May be down while a leader is elected, or what a fast ballot left behind is settled. */
  readonly electionFailures: number
  /** May be down while a leader chooses. */
  readonly choiceFailures: number
  /** May be down while fast ballots choose. */
  readonly fastFailures: number | undefined
  /** Least number that meets every phase-1 quorum: confirms a read or grants a lease. */
  readonly meetsPhase1: number
  /** Least number that meets every phase-2 quorum, fast ones included: sees every chosen value. */
  readonly meetsPhase2: number
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

/** The least `q2` for this `q1`, and as well the least `q1` for this `q2`. */
export function otherQuorumMin(n: number, q: number): number {
  return n - q + 1
}

/** The least `q2f` for this `q1`. With a majority to lead it is three quarters of the members, rounded up. */
export function fastQuorumMin(n: number, q1: number): number {
  return Math.floor((2 * n - q1) / 2) + 1
}

/** Of sizes that have no problem. */
export function quorumMargins({ n, q1, q2, q2f }: QuorumSizes): QuorumMargins {
  return {
    electionFailures: n - q1,
    choiceFailures: n - q2,
    fastFailures: q2f === undefined ? undefined : n - q2f,
    meetsPhase1: otherQuorumMin(n, q1),
    meetsPhase2: otherQuorumMin(n, Math.min(q2, q2f ?? q2)),
  }
}

/** What is wrong with these sizes, or undefined. Used on input from users before `countedQuorums` asserts. */
export function quorumProblem({ n, q1, q2, q2f }: QuorumSizes): string | undefined {
  for (const [name, q] of [
    ['q1', q1],
    ['q2', q2],
    ['q2f', q2f ?? n],
  ] as const) {
    if (!Number.isSafeInteger(q) || q < 1 || q > n) return `${name} must be between 1 and ${n}, got ${q}`
  }
  if (q1 + q2 <= n) {
    return `q1 + q2 must exceed the number of members, got ${q1} + ${q2} for ${n}: the quorums could miss each other`
  }
  if (q2f !== undefined && q1 + 2 * q2f <= 2 * n) {
    return `q1 + 2·q2f must exceed twice the number of members, got ${q1} + 2·${q2f} = ${q1 + 2 * q2f} for 2·${n} = ${2 * n}: two fast quorums for different values could look alike to a new leader`
  }
  return undefined
}

export function countedQuorums(members: ReadonlySet<NodeId>, q1: number, q2: number): QuorumSystem {
  const n = members.size
  const problem = quorumProblem({ n, q1, q2 })
  assert(problem === undefined, problem ?? '')
  const { meetsPhase1, meetsPhase2 } = quorumMargins({ n, q1, q2 })
  const count = (nodes: ReadonlySet<NodeId>): number => {
    let counted = 0
    for (const node of nodes) if (members.has(node)) counted++
    return counted
  }
  return {
    sizes: { n, q1, q2 },
    isPhase1: (nodes) => count(nodes) >= q1,
    isPhase2: (nodes) => count(nodes) >= q2,
    meetsAllPhase1: (nodes) => count(nodes) >= meetsPhase1,
    meetsAllPhase2: (nodes) => count(nodes) >= meetsPhase2,
  }
}
