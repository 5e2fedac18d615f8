import type { Ballot } from './ballot.ts'
import type { Effect, Role } from './effect.ts'
import type { Event } from './event.ts'
import type { NodeId, Slot } from './ids.ts'
import type { SlotEntry, SlotRange, Vote } from './multipaxos/message.ts'

export interface PeerProgress {
  readonly id: NodeId
  /** Answered the last election round. */
  readonly reachable: boolean
  readonly chosenUpTo: Slot
  readonly durableUpTo: Slot
}

export interface EngineStatus {
  readonly role: Role
  /** Phase 1 is complete and the barrier applied: reads and writes are served. */
  readonly steady: boolean
  readonly leader: NodeId | undefined
  readonly ballot: Ballot
  readonly promised: Ballot
  readonly chosenUpTo: Slot
  readonly truncatedUpTo: Slot
  /** Exclusive: one above the highest slot with a vote here. */
  readonly votedUpTo: Slot
  readonly openSlots: number
  readonly logBytes: number
  readonly elections: number
  /** The stop sign that ends this epoch, once it and everything below is known chosen. */
  readonly stop: SlotEntry | undefined
  readonly peers: readonly PeerProgress[]
}

/**
 * Runs one epoch of one group. Pure: the same construction and the same events give the same effects, byte for byte.
 * `now` is monotonic milliseconds and never goes back.
 */
export interface Engine {
  step(now: number, event: Event): readonly Effect[]
  status(): EngineStatus
  /** The log begins here: everything below is chosen and was applied. */
  truncatedUpTo(): Slot
  /** How many more entries the pipeline takes now. 0 when this node does not lead. */
  room(): number
  /** True while no other node can have led up to `now`: ask after evaluating a read, before replying. */
  leaseHolds(now: number): boolean
  /** Votes stored here, for inspection; never for deciding. */
  votes(range: SlotRange): readonly Vote[]
  unknownSlots(range: SlotRange): readonly Slot[]
  /** Chosen entries from `from` on, while they last in memory. */
  chosen(from: Slot, bytesMax: number): readonly SlotEntry[]
}
