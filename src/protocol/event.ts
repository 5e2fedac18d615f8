import type { Entry } from './entry.ts'
import type { NodeId, Slot } from './ids.ts'
import type { Message } from './multipaxos/message.ts'

/** Everything that can happen to an engine. Time is an argument of `step`: monotonic milliseconds. */
export type Event =
  | { readonly kind: 'message'; readonly from: NodeId; readonly message: Message }
  | { readonly kind: 'tick' }
  /** The turn ends: what was coalesced in it leaves. Step it after the other events of a turn. */
  | { readonly kind: 'flush' }
  /** The driver numbers proposals and reads; the answer names the same number. */
  | { readonly kind: 'propose'; readonly proposal: number; readonly entry: Entry }
  | { readonly kind: 'read'; readonly read: number }
  /** The machine has applied, and made durable, everything below. */
  | { readonly kind: 'applied'; readonly upTo: Slot; readonly durableUpTo: Slot }
  /** A snapshot was installed: everything below is applied and durable. */
  | { readonly kind: 'restored'; readonly upTo: Slot }
  /** The clock jumped or stopped: leases counted on it are void. */
  | { readonly kind: 'clockJumped' }
  /** Seek leadership now, without waiting for the one who leads to be missed: it is about to give up, or nobody led yet. */
  | { readonly kind: 'campaign' }
  /** Give up leadership cleanly. */
  | { readonly kind: 'yield' }
  /** Give up leadership cleanly, and do not seek it again until the process restarts. */
  | { readonly kind: 'retire' }
