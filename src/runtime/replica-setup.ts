import type { Machine } from '../machine/machine.ts'
import type { View } from '../machine/view.ts'
import type { Send, Write } from '../protocol/effect.ts'
import type { Engine } from '../protocol/engine.ts'
import type { Epoch, Member } from '../protocol/epoch.ts'
import type { GroupId, Incarnation, NodeId, Slot } from '../protocol/ids.ts'
import type { GrowthGate } from './growth-gate.ts'
import type { Observer } from './observer.ts'
import type { ReplicaOptions } from './options.ts'
import type { PeerMessage } from './peer-message.ts'
import type { Clock, StateStore } from './ports.ts'

/** What a replica may ask of the driver of its node. */
export interface ReplicaHost {
  schedule(): void
  /** Leaves at once; nothing on disk stands behind it. */
  send(epoch: Epoch['number'], to: readonly NodeId[], message: PeerMessage): void
  persist(epoch: Epoch['number'], writes: readonly Write[], release: readonly Send[]): void
  /** `done` once it is durable. */
  saveEpoch(epoch: Epoch, done: () => void): void
  setMembers(members: readonly Member[], featureLevel: number): void
  isConnected(to: NodeId): boolean
  lastCommitMs(): number
  fail(error: Error): void
}

export interface ReplicaSetup {
  readonly group: GroupId
  /** Those that this node knows to have begun, rising. */
  readonly epochs: readonly Epoch[]
  readonly self: NodeId
  readonly incarnation: Incarnation
  readonly host: ReplicaHost
  readonly clock: Clock
  readonly observer: Observer
  readonly options: ReplicaOptions
  readonly stateStore: StateStore
  readonly growthGate: GrowthGate
  createMachine(view: View): Machine
  /** `isNew`: no earlier incarnation of this node knew the epoch. */
  createEngine(epoch: Epoch, appliedUpTo: Slot, isNew: boolean): Engine
}
