import type { ErrorCode } from '../base/error.ts'
import type { ChainValue } from '../machine/chain.ts'
import type { Reply } from '../machine/request.ts'
import type { Epoch } from '../protocol/epoch.ts'
import type { Incarnation, NodeId, Slot } from '../protocol/ids.ts'
import type { Message, SlotRange } from '../protocol/multipaxos/message.ts'
import type { ContentBounds, ContentReport } from './content-parts.ts'

/** What one acceptor says of one slot. For people to read; nothing is decided from it. */
export interface SlotReport {
  readonly slot: Slot
  readonly state: 'chosen' | 'voted' | 'unknown'
  readonly round: number
  readonly node: number
}

/** What became of a request that entered the system. */
export type Outcome =
  | { readonly kind: 'replied'; readonly reply: Reply }
  /** `code` says whether it may have been done: see `errorCodes`. */
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string }

/** Slots that one question about the hash chain is for. */
export const chainSlotsMax = 64
/** Ranges of keys that one question about the content is for. */
export const contentPartsMax = 64

/** Messages between the runtimes of two nodes, beside those of the engines. */
export type RuntimeMessage =
  /**
   * Client requests for the leader, several in one message. Ids are the sender's. `incarnation` is the leader's: a later one
   * of that node has forgotten which ids it saw, and must not take a late copy for a new request.
   */
  | {
      readonly kind: 'forward'
      readonly incarnation: Incarnation
      readonly requests: readonly { readonly id: number; readonly request: Uint8Array }[]
    }
  | { readonly kind: 'forwarded'; readonly outcomes: readonly { readonly id: number; readonly outcome: Outcome }[] }
  /** The stop sign before this epoch is chosen, as the sender knows. */
  | { readonly kind: 'epochBegun'; readonly epoch: Epoch }
  /** The leader of the epoch gives up in favour of the receiver. */
  | { readonly kind: 'takeOver' }
  | { readonly kind: 'inspect'; readonly id: number; readonly range: SlotRange }
  | {
      readonly kind: 'inspectReply'
      readonly id: number
      readonly truncatedUpTo: Slot
      readonly chosenUpTo: Slot
      readonly votedUpTo: Slot
      readonly promisedRound: number
      readonly promisedNode: number
      readonly slots: readonly SlotReport[]
    }
  /** Asks for the value of the hash chain at these slots, `chainSlotsMax` at most. */
  | { readonly kind: 'chain'; readonly id: number; readonly slots: readonly Slot[] }
  /** Of the slots that were asked for, those whose value is still known. */
  | {
      readonly kind: 'chainReply'
      readonly id: number
      readonly appliedUpTo: Slot
      /** The chain begins here, with the value zero. */
      readonly since: Slot
      readonly revision: number
      readonly compactedRevision: number
      readonly values: readonly { readonly slot: Slot; readonly value: ChainValue }[]
    }
  /** Asks for hashes of the keys at `revision`, in ranges that begin at the bounds: 1 to `contentPartsMax` of them. */
  | ({ readonly kind: 'content'; readonly id: number; readonly revision: number } & ContentBounds)
  | ({ readonly kind: 'contentReply'; readonly id: number } & ContentReport)
  /** `snapshot` is undefined to begin; afterwards the id that the donor gave. `after` is the last key received. */
  | {
      readonly kind: 'snapshotRequest'
      readonly snapshot: number | undefined
      readonly after: string | undefined
    }
  | {
      readonly kind: 'snapshotChunk'
      readonly snapshot: number
      readonly appliedUpTo: Slot
      /** The `after` of the request that this answers. */
      readonly after: string | undefined
      readonly entries: readonly (readonly [key: string, value: Uint8Array])[]
      /** `chunkChecksum` of everything above. Chunks form a chain by `after`, so none can be missing unseen. */
      readonly checksum: number
      readonly done: boolean
    }

export type PeerMessage = Message | RuntimeMessage

/** A message with its address, as it travels. */
export interface Envelope {
  readonly group: string
  readonly epoch: number
  readonly from: NodeId
  readonly message: PeerMessage
}
