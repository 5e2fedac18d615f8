/**
 * The epochs of one group on one node: the newest, and those before it that a member may still ask about.
 *
 * - only the newest proposes for clients. An earlier one answers, prepares with its stop sign and questions with its log; it
 *   may still elect a leader, when all have forgotten what is chosen in its last slots.
 * - an epoch is closed when nobody needs its log any more. From then on this node takes no part in it, which is always
 *   safe, and tells whoever asks which epoch is the newest.
 * - a node that is not a member of the newest epoch keeps those in which it was: others may need what it holds.
 */
import { assert } from '../base/assert.ts'
import type { Engine } from '../protocol/engine.ts'
import type { Entry } from '../protocol/entry.ts'
import type { Epoch } from '../protocol/epoch.ts'
import type { EpochNumber, NodeId, Slot } from '../protocol/ids.ts'
import { noMember, type Refusal } from './refusals.ts'

export interface OpenEpoch {
  readonly epoch: Epoch
  readonly engine: Engine
}

export interface ClosedEpoch {
  readonly number: EpochNumber
  readonly endSlot: Slot
  /** Its log holds what was chosen, up to the end. Otherwise a snapshot took its place. */
  readonly isLearned: boolean
}

export class Epochs {
  /** All that this node knows to have begun, with it as a member or without. Rising. */
  readonly #known: Epoch[]
  /** Those in which it takes part. Rising. */
  #open: OpenEpoch[]

  constructor(known: readonly Epoch[], open: readonly OpenEpoch[]) {
    assert(known.length > 0 && open.length > 0, 'none of %s epochs is open', known.length)
    this.#known = [...known]
    this.#open = [...open]
  }

  /** With this node as a member or without. */
  get newest(): Epoch {
    const last = this.#known.at(-1)
    assert(last !== undefined, 'no epoch is known')
    return last
  }

  get known(): readonly Epoch[] {
    return this.#known
  }

  /** The newest in which this node takes part. */
  get current(): OpenEpoch {
    const last = this.#open.at(-1)
    assert(last !== undefined, 'every epoch is closed')
    return last
  }

  get open(): readonly OpenEpoch[] {
    return this.#open
  }

  /** This node was a member, and is none any more. */
  get isRemoved(): boolean {
    return this.current.epoch.number < this.newest.number
  }

  /** The epoch in which it is none any more. */
  get removedIn(): EpochNumber | undefined {
    return this.isRemoved ? this.newest.number : undefined
  }

  /** Why it serves no clients. */
  get refusal(): Refusal | undefined {
    return this.removedIn && noMember(this.removedIn)
  }

  /** The log on this node begins here. */
  get truncatedUpTo(): Slot {
    const oldest = this.#open[0]
    assert(oldest !== undefined, 'every epoch is closed')
    return oldest.engine.truncatedUpTo()
  }

  of(number: EpochNumber): OpenEpoch | undefined {
    return this.#open.find(({ epoch }) => epoch.number === number)
  }

  /** Whose log has the slot, or will have it; the oldest when none does. */
  holding(slot: Slot): OpenEpoch {
    const found = this.#open.findLast(({ epoch }) => epoch.startSlot <= slot) ?? this.#open[0]
    assert(found !== undefined, 'every epoch is closed')
    return found
  }

  /** Asserts that the log has a stop sign where the newest epoch begins: a member may have told of it before (invariant 18). */
  check(slot: Slot, { kind }: Entry): void {
    const isEnd = slot + 1 === this.newest.startSlot
    assert(
      !isEnd || kind === 'stopSign',
      'epoch %s follows slot %s, which has a %s here',
      this.newest.number,
      slot,
      kind,
    )
  }

  /** `engine` is undefined when this node is not a member of it. */
  begin(epoch: Epoch, engine: Engine | undefined): void {
    assert(epoch.number > this.newest.number, 'epoch %s begins after %s', epoch.number, this.newest.number)
    this.#known.push(epoch)
    if (engine !== undefined) this.#open.push({ epoch, engine })
  }

  /** An epoch between two that are known: a member told of the later one before this node had applied where this one begins. */
  insert(epoch: Epoch, engine: Engine | undefined): void {
    assert(epoch.number < this.newest.number, 'epoch %s is not below %s', epoch.number, this.newest.number)
    assert(!this.#known.some(({ number }) => number === epoch.number), 'epoch %s is known already', epoch.number)
    this.#known.push(epoch)
    this.#known.sort((a, b) => a.number - b.number)
    if (engine === undefined) return
    this.#open.push({ epoch, engine })
    this.#open.sort((a, b) => a.epoch.number - b.epoch.number)
  }

  /** Closes what nobody needs, and says where the epoch after each of them begins. */
  closeObsolete(durableUpTo: Slot): ClosedEpoch[] {
    if (this.#open.length === 1 || this.isRemoved) return []
    const everybodyHas = this.#everybodyHas(durableUpTo)
    const isObsolete = (index: number): boolean => {
      const later = this.#open.slice(index + 1)
      const next = later[0]
      if (next === undefined) return false
      // Where a later log is cut, whoever is behind needs a snapshot anyway.
      return next.epoch.startSlot <= everybodyHas || later.some(isCut)
    }
    const closed = this.#open.flatMap(({ epoch: { number }, engine }, index) => {
      const next = this.#open[index + 1]
      if (next === undefined || !isObsolete(index)) return []
      return [{ number, endSlot: next.epoch.startSlot, isLearned: engine.status().stop !== undefined }]
    })
    this.#open = this.#open.filter((_, index) => !isObsolete(index))
    return closed
  }

  /** Members of open epochs: those that this node has to do with. */
  members(): Epoch['members'] {
    const byId = new Map<NodeId, Epoch['members'][number]>()
    for (const { epoch } of this.#open) for (const member of epoch.members) byId.set(member.id, member)
    for (const member of this.newest.members) byId.set(member.id, member)
    return [...byId.values()]
  }

  /** Members of open epochs that the current one does not have. */
  strangers(): NodeId[] {
    const { members } = this.current.epoch
    return this.members().flatMap(({ id }) => (members.some((member) => member.id === id) ? [] : [id]))
  }

  /** Below this every member of the newest epoch has applied everything durably, as far as known. */
  #everybodyHas(durableUpTo: Slot): number {
    const { peers } = this.current.engine.status()
    return Math.min(durableUpTo, ...peers.map((peer) => peer.durableUpTo))
  }
}

function isCut({ epoch, engine }: OpenEpoch): boolean {
  return engine.truncatedUpTo() > epoch.startSlot
}
