import type { Answer, Query } from '../machine/request.ts'
import type { EngineStatus } from '../protocol/engine.ts'
import type { Entry } from '../protocol/entry.ts'
import type { Epoch, NextEpoch } from '../protocol/epoch.ts'
import type { EpochNumber, GroupId, NodeId, Slot } from '../protocol/ids.ts'
import type { SlotRange } from '../protocol/multipaxos/message.ts'
import type { Attribution } from '../protocol/origin.ts'
import type { ChainRange, ChainVerdict } from './chain-comparison.ts'
import type { ContentOutcome } from './content-verifier.ts'
import type { Diverged } from './divergence.ts'
import type { ChangeOutcome } from './epoch-change.ts'
import type { Outcome, SlotReport } from './peer-message.ts'
import type { StateSnapshot } from './ports.ts'

export type ReadOutcome =
  | { readonly kind: 'answered'; readonly answer: Answer; readonly appliedUpTo: Slot }
  | {
      readonly kind: 'failed'
      readonly code: 'NO_LEADER' | 'NO_QUORUM' | 'OVERLOADED' | 'STOPPING' | 'UNHEALTHY'
      readonly message: string
    }

export interface ReplicaStatus {
  readonly group: GroupId
  /** The newest that this node knows. */
  readonly epoch: Epoch
  /** This node is no member of it. */
  readonly isRemoved: boolean
  readonly self: NodeId
  /** The log on this node begins here, in whatever epoch. */
  readonly truncatedUpTo: Slot
  readonly engine: EngineStatus
  readonly appliedUpTo: Slot
  readonly durableUpTo: Slot
  readonly revision: number
  readonly compactedRevision: number
  readonly sessions: number
  /** The members' machines were found the same up to here; undefined before the first comparison. */
  readonly verifiedUpTo: Slot | undefined
  readonly diverged: readonly Diverged[]
  readonly queuedRequests: number
  readonly queuedReads: number
  /** Set when the node cannot serve, in words: no leader, catching up, installing a snapshot. */
  readonly notReady: string | undefined
}

/** One line of `log inspect`. */
export interface LogLine {
  readonly slot: Slot
  readonly epoch: EpochNumber
  readonly state: 'chosen' | 'voted' | 'missing' | 'unknown' | 'truncated'
  readonly ballot: { readonly round: number; readonly node: number } | undefined
  readonly entry: Entry | undefined
}

/** What one member's acceptor answered; undefined in `reports` means that it did not answer in time. */
export interface AcceptorReport {
  readonly node: NodeId
  readonly truncatedUpTo: Slot
  readonly chosenUpTo: Slot
  readonly votedUpTo: Slot
  readonly promised: { readonly round: number; readonly node: number }
  readonly slots: readonly SlotReport[]
}

/** What the API calls: one replica of one group on this node. All callbacks are called exactly once. */
export interface ReplicaService {
  /** `request` is encoded by machine/command-codec; it was validated by the caller. */
  submit(request: Uint8Array, timeoutMs: number, done: (outcome: Outcome) => void): void
  read(
    query: Query,
    consistency: 'linearizable' | 'stale',
    timeoutMs: number,
    done: (outcome: ReadOutcome) => void,
  ): void
  status(): ReplicaStatus
  /** All that this node knows to have begun, rising. */
  epochs(): readonly Epoch[]
  /**
   * A copy of the machine's data with everything in it that is applied by now; undefined while another member's is being
   * put in place, and when it differs from that of the majority. The caller closes it.
   */
  snapshot(done: (snapshot: StateSnapshot | undefined) => void): void
  log(range: SlotRange): readonly LogLine[]
  /** Asks every member's acceptor; answers after all did or `timeoutMs` passed. */
  inspect(range: SlotRange, timeoutMs: number, done: (reports: readonly AcceptorReport[]) => void): void
  /**
   * Ends the epoch `next.number - 1` and begins `next`, once everything open is decided. Only the leader does; the caller has
   * judged the change. `by` goes into the audit trail; only where all members understand one.
   */
  changeEpoch(next: NextEpoch, timeoutMs: number, done: (outcome: ChangeOutcome) => void, by?: Attribution): void
  /** Gives up leadership in favour of another acceptor. False when this node does not lead. */
  handOver(to: NodeId): boolean
  /** Seeks leadership now: phase 1 over all open slots finds what each must get. A leader that works is not disturbed twice. */
  seekLeadership(): void
  /** Compares the hash chains of all members, in rounds of `roundMs` at most. */
  verify(range: ChainRange, roundMs: number, done: (verdict: ChainVerdict) => void): void
  /** Compares one page of keys on all members, from `start` on; without a revision, at the newest that all have. */
  verifyContent(
    page: { readonly revision: number | undefined; readonly start: string },
    roundMs: number,
    done: (outcome: ContentOutcome) => void,
  ): void
}
