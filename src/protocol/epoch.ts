import type { EpochNumber, NodeId, Slot } from './ids.ts'
import { countedQuorums, type QuorumSystem } from './quorum.ts'

export interface Member {
  readonly id: NodeId
  readonly name: string
  /** `host:port` of the peer listener. */
  readonly peerAddress: string
  readonly kind: 'acceptor' | 'learner'
}

/** Immutable configuration of a group, from `startSlot` until its stop sign. */
export interface Epoch {
  readonly number: EpochNumber
  readonly protocol: 'multi'
  readonly members: readonly Member[]
  readonly q1: number
  readonly q2: number
  /**
   * How long a follower's grant binds it, in milliseconds; 0 means no leases. It is part of the epoch because a follower
   * that grants shorter than its leader counts would break linearizability.
   */
  readonly leaseMs: number
  /** What all its members understand (`feature-level.ts`). It never falls. */
  readonly featureLevel: number
  readonly startSlot: Slot
  /** The highest id that a member of this cluster ever had: an id is never given to another disk. */
  readonly highestId: NodeId
}

/** What a stop sign says of the epoch after it; where that begins follows from where the stop sign is chosen. */
export type NextEpoch = Omit<Epoch, 'startSlot'>

export function isMember(epoch: Epoch, node: NodeId): boolean {
  return epoch.members.some(({ id }) => id === node)
}

export function acceptorIds(epoch: Epoch): ReadonlySet<NodeId> {
  return new Set(epoch.members.filter((member) => member.kind === 'acceptor').map((member) => member.id))
}

export function quorumsOf(epoch: Epoch): QuorumSystem {
  return countedQuorums(acceptorIds(epoch), epoch.q1, epoch.q2)
}
