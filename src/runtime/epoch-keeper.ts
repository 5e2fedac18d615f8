/**
 * Takes a node from one epoch to the next.
 *
 * - an epoch is durable here before anything is said in it (protocols 2.3).
 * - it begins when its stop sign is applied, when a snapshot turns out to hold it, or when a member says so: whoever tells
 *   knows the stop sign chosen.
 * - what arrives of an epoch that is about to begin waits for it.
 */
import { assert } from '../base/assert.ts'
import { equalBytes } from '../base/bytes.ts'
import { PaxosError } from '../base/error.ts'
import type { StopSign } from '../machine/records.ts'
import type { Engine } from '../protocol/engine.ts'
import { type Epoch, isMember } from '../protocol/epoch.ts'
import { encodeEpoch, epochAfter } from '../protocol/epoch-codec.ts'
import type { Event } from '../protocol/event.ts'
import { featureHint, featureProblem } from '../protocol/feature-level.ts'
import { type EpochNumber, firstEpoch, type NodeId, type Slot, toSlot } from '../protocol/ids.ts'
import type { Message } from '../protocol/multipaxos/message.ts'
import { EpochGreeter } from './epoch-greeter.ts'
import type { Epochs, OpenEpoch } from './epochs.ts'
import { appliedWithin, withStopSign } from './open-epochs.ts'
import type { RuntimeMessage } from './peer-message.ts'
import type { ReplicaHost, ReplicaSetup } from './replica-setup.ts'
import type { ReplicaState } from './state.ts'

export interface EpochKeeperHost {
  createEngine(epoch: Epoch, appliedUpTo: Slot): Engine
  step(event: Event, open: OpenEpoch): void
  send(to: readonly NodeId[], message: RuntimeMessage): void
  /** It is the newest now, and in `epochs`. `early` are messages that came too early for it. */
  onBegun(epoch: Epoch, early: readonly EarlyMessage[]): void
}

export interface EarlyMessage {
  readonly from: NodeId
  readonly number: EpochNumber
  readonly message: Message
}

/** More would be sent again anyway. */
const earlyMax = 256

export class EpochKeeper {
  readonly epochs: Epochs
  readonly #self: NodeId
  readonly #state: ReplicaState
  readonly #node: ReplicaHost
  readonly #host: EpochKeeperHost
  readonly #greeter: EpochGreeter
  readonly #resendMs: number
  #saving: Epoch | undefined
  #opening: EpochNumber | undefined
  /** How far the machine is in an epoch that is over, and since when. */
  #waiting: { readonly at: Slot; readonly since: number } | undefined
  #early: EarlyMessage[] = []

  constructor(
    { self, host: node, options: { resendMs } }: Pick<ReplicaSetup, 'self' | 'host' | 'options'>,
    epochs: Epochs,
    state: ReplicaState,
    host: EpochKeeperHost,
  ) {
    this.#self = self
    this.epochs = epochs
    this.#state = state
    this.#node = node
    this.#host = host
    this.#greeter = new EpochGreeter(resendMs)
    this.#resendMs = resendMs
    this.#setMembers()
  }

  /** The machine holds this stop sign. */
  onStopSign({ slot, payload }: StopSign): void {
    const next = epochAfter(toSlot(slot), payload)
    if (next === undefined) {
      const message = `The stop sign in slot ${slot} begins an epoch that this version does not know`
      this.#node.fail(new PaxosError('INTERNAL', message, { hint: 'Run the version of paxos that the others run.' }))
      return
    }
    const known = this.epochs.known.find(({ number }) => number === next.number)
    const isSame = known === undefined || equalBytes(encodeEpoch(known), encodeEpoch(next))
    assert(isSame, 'slot %s begins another epoch %s than a member told of', slot, next.number)
    if (known === undefined && next.number < (this.#saving ?? this.epochs.newest).number) this.#openSkipped(next)
    else this.begin(next)
  }

  /** A snapshot holds everything below `upTo`. */
  onInstalled(upTo: Slot): void {
    const { stopSign } = this.#state.machine
    const known = withStopSign(this.epochs.known, stopSign)
    for (const open of this.epochs.open) {
      this.#host.step({ kind: 'restored', upTo: appliedWithin(open.epoch, known, upTo) }, open)
    }
    if (stopSign !== undefined) this.onStopSign(stopSign)
  }

  /** Somebody who knows its stop sign chosen says that it has begun, or this node found out itself. */
  begin(epoch: Epoch): void {
    if (epoch.number <= (this.#saving ?? this.epochs.newest).number) return
    const unable = featureProblem(epoch.featureLevel)
    if (unable !== undefined) {
      const message = `Epoch ${epoch.number} has begun. ${unable}`
      this.#node.fail(new PaxosError('WRONG_VERSION', message, { hint: featureHint(epoch.featureLevel) }))
      return
    }
    this.#saving = epoch
    this.#node.saveEpoch(epoch, () => this.#onSaved(epoch))
  }

  /**
   * A member told of a later epoch first. This one is over, but what was chosen in it is still to be learned, and its last slots
   * may need this node's promise to become known chosen.
   */
  #openSkipped(epoch: Epoch): void {
    if (this.#opening === epoch.number) return
    this.#opening = epoch.number
    this.#node.saveEpoch(epoch, () => {
      // A member told of it as well, before this node applied where it begins, and that was saved first.
      if (this.epochs.known.some(({ number }) => number === epoch.number)) return
      this.epochs.insert(epoch, isMember(epoch, this.#self) ? this.#createEngine(epoch) : undefined)
      this.#setMembers()
    })
  }

  /** A message of an engine, in an epoch that is not open here. */
  onForeign(now: number, from: NodeId, number: EpochNumber, message: Message): void {
    const isEarly = number > this.epochs.newest.number && number <= (this.#saving?.number ?? 0)
    if (isEarly && this.#early.length < earlyMax) this.#early.push({ from, number, message })
    else if (number < this.epochs.newest.number) this.#tell(now, from)
  }

  /** A message of an engine, in an epoch that is open here. */
  onHeard(now: number, from: NodeId, number: EpochNumber): void {
    if (number === this.epochs.newest.number) this.#greeter.onHeard(from)
    else this.#tell(now, from)
  }

  onTick(now: number): void {
    for (const { number, endSlot, isLearned } of this.epochs.closeObsolete(this.#state.durableUpTo)) {
      const bySnapshot = isLearned ? {} : ({ bySnapshot: true } as const)
      this.#node.persist(number, [{ kind: 'truncate', upTo: endSlot, ...bySnapshot }], [])
      this.#setMembers()
    }
    if (this.epochs.newest.number === firstEpoch) return
    const due = this.#greeter.dueAmong(this.epochs.newest, this.#self, now)
    if (due.length > 0) this.#host.send(due, { kind: 'epochBegun', epoch: this.epochs.newest })
  }

  /**
   * The machine cannot go on by the log. It may begin above what is applied; or it is of an epoch that is over, and nobody
   * answers in it any more.
   */
  isMissingData(now: number): boolean {
    const { appliedUpTo } = this.#state
    const holding = this.epochs.holding(appliedUpTo)
    if (holding.engine.truncatedUpTo() > appliedUpTo) return true
    if (holding === this.epochs.current) {
      this.#waiting = undefined
      return false
    }
    if (this.#waiting?.at !== appliedUpTo) this.#waiting = { at: appliedUpTo, since: now }
    return now - this.#waiting.since >= 2 * this.#resendMs
  }

  #createEngine(epoch: Epoch): Engine {
    const known = withStopSign([...this.epochs.known, epoch], this.#state.machine.stopSign)
    return this.#host.createEngine(epoch, appliedWithin(epoch, known, this.#state.durableUpTo))
  }

  #setMembers(): void {
    this.#node.setMembers(this.epochs.members(), this.epochs.newest.featureLevel)
  }

  #tell(now: number, node: NodeId): void {
    if (this.#greeter.isDue(node, now)) this.#host.send([node], { kind: 'epochBegun', epoch: this.epochs.newest })
  }

  #onSaved(epoch: Epoch): void {
    if (this.#saving?.number === epoch.number) this.#saving = undefined
    this.epochs.begin(epoch, isMember(epoch, this.#self) ? this.#createEngine(epoch) : undefined)
    this.#greeter.onBegun()
    this.#setMembers()
    const early = this.#early.filter(({ number }) => number === epoch.number && isMember(epoch, this.#self))
    this.#early = this.#early.filter(({ number }) => number > epoch.number)
    this.#host.onBegun(epoch, early)
  }
}
