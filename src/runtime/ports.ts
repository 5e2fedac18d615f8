import type { ReadView } from '../machine/view.ts'
import type { Ballot } from '../protocol/ballot.ts'
import type { Write } from '../protocol/effect.ts'
import type { Epoch, Member } from '../protocol/epoch.ts'
import type { EpochNumber, GroupId, NodeId, Slot } from '../protocol/ids.ts'
import type { Vote } from '../protocol/multipaxos/message.ts'
import type { PeerMessage } from './peer-message.ts'

/** Called exactly once. With an error, the store is dead: stop answering and stop the node (fail-stop). */
export type Done = (error?: Error) => void

export interface GroupWrite {
  readonly group: GroupId
  readonly epoch: EpochNumber
  /** `epoch`: this node knows that it has begun. Its number is that of the write. */
  readonly write: Write | { readonly kind: 'epoch'; readonly epoch: Epoch }
}

export interface LoadedGroup {
  readonly promised: Ballot | undefined
  readonly chosenUpTo: Slot
  readonly truncatedUpTo: Slot
  /** Rising slots, all at or above `truncatedUpTo`. */
  readonly votes: readonly Vote[]
  /** Slots whose record failed its checksum. */
  readonly unknown: readonly Slot[]
}

/** Durable acceptor state. Conformance suite: test/conformance/acceptor-store.ts. */
export interface AcceptorStore {
  /** Throws PaxosError DATA_DIR_REFUSED when a promise fails its checksum: such a node must not vote. */
  load(group: GroupId, epoch: EpochNumber): LoadedGroup
  /** Those that were written, rising. Throws PaxosError DATA_DIR_REFUSED when one cannot be read. */
  loadEpochs(group: GroupId): readonly Epoch[]
  /** All or nothing. `done` is called once the writes would survive a power cut. Commits take effect in call order. */
  commit(writes: readonly GroupWrite[], done: Done): void
}

/** One page of a snapshot. Resumable: `after` is the last key that the receiver has. */
export interface StatePage {
  readonly entries: readonly (readonly [key: string, value: Uint8Array])[]
  readonly done: boolean
}

/** A consistent view of the machine's data at one durable commit. Must be closed; an open one holds disk space. */
export interface StateSnapshot {
  readonly appliedUpTo: Slot
  page(after: string | undefined, bytesMax: number): StatePage
  close(): void
}

/** A snapshot being received, beside the live data, which stays as it is until `finish`. */
export interface StateInstall {
  put(entries: readonly (readonly [key: string, value: Uint8Array])[], done: Done): void
  /** Makes the received data durable and puts it in place of the live data, at once or not at all. */
  finish(done: Done): void
  abort(): void
}

/** The machine's data. Conformance suite: test/conformance/state-store.ts. */
export interface StateStore {
  /** The last commit, durable or about to be. The overlay above it holds what is newer. */
  readonly view: ReadView
  /** All or nothing; null deletes. `done` once durable. At most one commit is in flight. */
  commit(changes: ReadonlyMap<string, Uint8Array | null>, done: Done): void
  snapshot(appliedUpTo: Slot): StateSnapshot
  install(): StateInstall
}

/** Lossy, unordered as far as anyone may rely on it; may drop, never corrupts. Conformance: test/conformance/links.ts. */
export interface Links {
  /**
   * Coalesces what is sent in one turn, and may hold back for a moment what nobody waits for. A message to several is
   * encoded once. Drops when a peer's queue is full.
   */
  send(group: GroupId, epoch: EpochNumber, to: readonly NodeId[], message: PeerMessage): void
  /** False when a message sent now would surely be lost. */
  isConnected(to: NodeId): boolean
  /** With whom there are links from now on, this node with or without. */
  setMembers(group: GroupId, members: readonly Member[], featureLevel: number): void
}

export interface Clock {
  /** Monotonic milliseconds, with fractions. */
  now(): number
  /** Wall clock in milliseconds since 1970; may jump. Only for timestamps and for noticing a suspended machine. */
  wallNow(): number
  /** Runs `task` once after everything that has already arrived in this turn has been handed over. */
  defer(task: () => void): void
}
