import type { Ballot } from '../ballot.ts'
import type { Entry } from '../entry.ts'
import type { Slot } from '../ids.ts'

export interface Vote {
  readonly slot: Slot
  readonly ballot: Ballot
  readonly entry: Entry
  readonly chosen: boolean
}

export interface SlotEntry {
  readonly slot: Slot
  readonly entry: Entry
}

/** Half-open: from <= slot < to. */
export interface SlotRange {
  readonly from: Slot
  readonly to: Slot
}

/**
 * What the sender knows chosen: every slot in [from, upTo) is chosen, and holds what was proposed there at the ballot of
 * the message that carries it. So a vote at that ballot is for the chosen entry. An older vote may not be (protocols 4,
 * T5), and neither may a newer one, because the sender may have fetched what was chosen above it.
 */
export interface Decided {
  readonly from: Slot
  readonly upTo: Slot
}

export type Message =
  /** `attempt` counts the sendings of this ballot, and comes back in the promise. */
  | { readonly kind: 'prepare'; readonly ballot: Ballot; readonly attempt: number; readonly fromSlot: Slot }
  | {
      readonly kind: 'promise'
      readonly ballot: Ballot
      /** Parts of different attempts do not fit together: the acceptor may have learned something in between. */
      readonly attempt: number
      /** This is part `part` of `parts`, from 0. A promise counts only when all its parts have arrived. */
      readonly part: number
      readonly parts: number
      readonly truncatedUpTo: Slot
      /** The sender knows everything below chosen, and leaves those votes out. */
      readonly chosenUpTo: Slot
      readonly votes: readonly Vote[]
      /** Slots whose stored vote failed its checksum: unknown, never "no vote". */
      readonly unknown: readonly Slot[]
    }
  | {
      readonly kind: 'nack'
      /** The ballot that is refused. */
      readonly ballot: Ballot
      readonly promised: Ballot
      /** How long the refuser's lease grant still binds it; 0 when refused for its promise. */
      readonly leaseMs: number
    }
  | {
      readonly kind: 'accept'
      readonly ballot: Ballot
      readonly decided: Decided
      readonly entries: readonly SlotEntry[]
    }
  | { readonly kind: 'accepted'; readonly ballot: Ballot; readonly ranges: readonly SlotRange[] }
  /** Sent when slots were decided and no accept is leaving that could carry the news. */
  | { readonly kind: 'decide'; readonly ballot: Ballot; readonly decided: Decided }
  | { readonly kind: 'heartbeat'; readonly ballot: Ballot; readonly seq: number; readonly decided: Decided }
  | {
      readonly kind: 'heartbeatAck'
      readonly ballot: Ballot
      readonly seq: number
      readonly chosenUpTo: Slot
    }
  | { readonly kind: 'catchup'; readonly range: SlotRange }
  | {
      readonly kind: 'catchupReply'
      readonly truncatedUpTo: Slot
      readonly chosenUpTo: Slot
      /** Chosen entries, rising, starting at the wanted slot unless that is truncated. */
      readonly entries: readonly SlotEntry[]
    }
  /** Ballot leader election: one question each round (protocols 9). */
  | { readonly kind: 'survey'; readonly round: number }
  | {
      readonly kind: 'surveyReply'
      readonly round: number
      /** The sender's own ballot, and the highest leader's ballot that it knows. */
      readonly ballot: Ballot
      readonly leader: Ballot
      readonly happy: boolean
      readonly chosenUpTo: Slot
      readonly durableUpTo: Slot
    }
  /** The leader of `ballot` gives up: grants to it are void. */
  | { readonly kind: 'release'; readonly ballot: Ballot }
  | { readonly kind: 'readIndex'; readonly id: number }
  /** `upTo` is undefined when the receiver does not lead. */
  | { readonly kind: 'readIndexReply'; readonly id: number; readonly upTo: Slot | undefined }
