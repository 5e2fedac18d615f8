import type { Ballot } from './ballot.ts'
import type { Entry } from './entry.ts'
import type { Incarnation, NodeId, Slot } from './ids.ts'
import type { Message } from './multipaxos/message.ts'

/** A change of acceptor state. The driver adds group and epoch. */
export type Write =
  | { readonly kind: 'promise'; readonly ballot: Ballot }
  | {
      readonly kind: 'vote'
      readonly slot: Slot
      readonly ballot: Ballot
      readonly entry: Entry
      /** Known chosen when written (fetched by catch-up), whatever its ballot. */
      readonly chosen: boolean
    }
  /** Every slot below is chosen and its stored vote holds the chosen entry. */
  | { readonly kind: 'chosen'; readonly upTo: Slot }
  /**
   * Every slot below is chosen, applied and no longer needed. `bySnapshot`: a snapshot told so, and what is stored below may
   * be anything. Otherwise it is what was chosen.
   */
  | { readonly kind: 'truncate'; readonly upTo: Slot; readonly bySnapshot?: true }

export interface Send {
  readonly kind: 'send'
  readonly to: readonly NodeId[]
  readonly message: Message
}

/**
 * What an engine asks for. The durability law: whatever depends on a write is inside its `persist`, as messages that
 * the driver sends once the write is durable, so none can leave early. A message to this node itself comes back as an
 * event; that is how a leader counts its own vote only when it is on disk. A `persist` without writes is released when
 * everything persisted before it is durable.
 */
export type Effect =
  | Send
  | {
      readonly kind: 'persist'
      readonly writes: readonly Write[]
      readonly release: readonly Send[]
    }
  /** The next slot in order is known chosen: feed it to the machine. */
  | { readonly kind: 'learn'; readonly slot: Slot; readonly ballot: Ballot | undefined; readonly entry: Entry }
  /** Where a proposal went. Once proposed it may be chosen, whatever happens next. */
  | { readonly kind: 'proposed'; readonly proposal: number; readonly slot: Slot; readonly ballot: Ballot }
  /** Not proposed anywhere: certainly not done. */
  | { readonly kind: 'refused'; readonly proposal: number }
  /**
   * A linearizable read may be served once everything below `upTo` is applied. By lease: only if `leaseHolds` is still
   * true after the read was evaluated (T13).
   */
  | { readonly kind: 'readable'; readonly read: number; readonly upTo: Slot; readonly by: 'readIndex' | 'lease' }
  | { readonly kind: 'unreadable'; readonly read: number }
  /** Phase 1 is complete: the driver proposes a barrier now, before anything else. */
  | { readonly kind: 'elected'; readonly ballot: Ballot }
  /** The role or the leader changed; for logs, metrics and fresh work. */
  | {
      readonly kind: 'role'
      readonly role: Role
      readonly leader: NodeId | undefined
      readonly leaderIncarnation: Incarnation | undefined
      readonly ballot: Ballot
    }
  /** `from` has truncated what this node misses: fetch its snapshot. */
  | { readonly kind: 'behind'; readonly from: NodeId; readonly truncatedUpTo: Slot }

export type Role = 'leader' | 'candidate' | 'follower' | 'learner'
