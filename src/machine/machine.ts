import type { Hash128 } from '../base/murmur3.ts'
import type { Entry } from '../protocol/entry.ts'
import type { Slot } from '../protocol/ids.ts'
import type { ChainValue } from './chain.ts'
import type { Footprint } from './footprint.ts'
import type { StopSign } from './records.ts'
import type { Answer, Query, Reply, Request } from './request.ts'

/** A deterministic state machine under one group's log. All its state is in the View that it was built on. */
export interface Machine {
  /** Everything below is applied. Restored from the view, so it moves with the data in one transaction. */
  readonly appliedUpTo: Slot
  readonly revision: number
  readonly compactedRevision: number
  readonly sessions: number
  /** Compacted history waits to be removed: each slot removes some. */
  readonly isHistoryLeft: boolean
  /** The last stop sign applied: which epoch comes after what is in the view. */
  readonly stopSign: StopSign | undefined
  /** The hash chain over what was applied (`chain.ts`): its first slot, and its live value at `appliedUpTo`. */
  readonly chain: { readonly since: Slot; readonly words: Hash128 }
  /** Its value at an earlier slot, if that is one of those that are kept. */
  chainAt(slot: Slot): ChainValue | undefined
  /**
   * Applies the entry of slot `appliedUpTo`. Replies are in the order of the batch's requests; empty for other entries.
   * Asserts that slots come in order. Malformed requests get an error reply, the same on every replica.
   */
  apply(slot: Slot, entry: Entry): readonly Reply[]
  query(query: Query): Answer
  /** What applying a request may read and write. */
  footprint(request: Request): Footprint
  /** Reads everything again from the view, after a snapshot was installed under it. */
  reload(): void
}
