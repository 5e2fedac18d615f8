import type { EpochNumber, Incarnation, NodeId } from './ids.ts'

/**
 * Names one attempt to lead. Totally ordered by its fields in this order, and unique: `node` and `incarnation` make
 * it one proposer's, `round` grows with each attempt. `sub` is for recovery by the same owner and stays last.
 */
export interface Ballot {
  readonly epoch: EpochNumber
  readonly round: number
  readonly node: NodeId
  readonly incarnation: Incarnation
  readonly sub: number
}

export function compareBallots(a: Ballot, b: Ballot): number {
  return a.epoch - b.epoch || a.round - b.round || a.node - b.node || a.incarnation - b.incarnation || a.sub - b.sub
}

export function sameBallot(a: Ballot, b: Ballot): boolean {
  return compareBallots(a, b) === 0
}

export function maxBallot(a: Ballot, b: Ballot): Ballot {
  return compareBallots(a, b) >= 0 ? a : b
}

/** Below every ballot that a proposer uses: what an acceptor has promised before it promised anything. */
export function zeroBallot(epoch: EpochNumber): Ballot {
  return { epoch, round: 0, node: 0 as NodeId, incarnation: 0 as Incarnation, sub: 0 }
}

export function isZeroBallot(ballot: Ballot): boolean {
  return ballot.round === 0
}

/** `round.node`, the form that operators see. The full ballot is in JSON output. */
export function formatBallot(ballot: Ballot): string {
  return `${ballot.round}.${ballot.node}`
}
