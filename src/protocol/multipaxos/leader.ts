/**
 * The leader: phase 1 once for all open slots, then phase 2 only, over independent slots.
 *
 * Invariants (protocols 4 and 16, 3):
 * - at most one entry is ever proposed for a slot at this ballot; a slot once bound keeps its entry.
 * - nothing new is proposed before phase 1 is complete, and the first new entry is a barrier.
 * - only votes at exactly this ballot are counted.
 * - every slot in [start, decidedUpTo) is chosen and was proposed at this ballot.
 * - nothing is proposed above a stop sign (protocols 10).
 */
import { assert } from '../../base/assert.ts'
import { type Ballot, sameBallot } from '../ballot.ts'
import type { Effect } from '../effect.ts'
import { type Entry, sameEntry } from '../entry.ts'
import type { NodeId, Slot } from '../ids.ts'
import type { QuorumSystem } from '../quorum.ts'
import type { SlotLog } from '../slot-log.ts'
import type { Learner } from './learner.ts'
import type { Decided, Message, SlotEntry, SlotRange } from './message.ts'
import type { MultiPaxosOptions } from './options.ts'
import { PhaseOne } from './phase-one.ts'

interface OpenSlot {
  readonly slot: Slot
  readonly entry: Entry
  readonly votes: Set<NodeId>
  sentAt: number
}

type Phase =
  | { readonly kind: 'idle' }
  | { readonly kind: 'prepare'; readonly one: PhaseOne; attempt: number; sentAt: number }
  | {
      readonly kind: 'propose'
      readonly ballot: Ballot
      /** Everything below is chosen, and not all of it was proposed at this ballot. */
      start: Slot
      barrier: Slot | undefined
      /** Where a stop sign is proposed: the last slot of this leadership. */
      stop: Slot | undefined
    }

export class Leader {
  readonly #self: NodeId
  readonly #others: readonly NodeId[]
  readonly #quorums: QuorumSystem
  readonly #log: SlotLog
  readonly #learner: Learner
  readonly #options: MultiPaxosOptions
  readonly #open = new Map<Slot, OpenSlot>()
  #phase: Phase = { kind: 'idle' }
  #nextSlot = 0 as Slot
  #decidedUpTo = 0 as Slot
  #announcedUpTo = 0 as Slot
  #outbox: SlotEntry[] = []

  /** `others`: the acceptors but this one. */
  constructor(
    self: NodeId,
    others: readonly NodeId[],
    quorums: QuorumSystem,
    log: SlotLog,
    learner: Learner,
    options: MultiPaxosOptions,
  ) {
    this.#self = self
    this.#others = others
    this.#quorums = quorums
    this.#log = log
    this.#learner = learner
    this.#options = options
  }

  get phase(): Phase['kind'] {
    return this.#phase.kind
  }

  get ballot(): Ballot | undefined {
    if (this.#phase.kind === 'prepare') return this.#phase.one.ballot
    return this.#phase.kind === 'propose' ? this.#phase.ballot : undefined
  }

  /**
   * True when the barrier is in the chosen prefix: then it knows everything that any earlier leader answered. Not true any
   * more once a stop sign is proposed: the next epoch may choose writes that this leader does not hear of (T17).
   */
  get isSteady(): boolean {
    if (this.#phase.kind !== 'propose' || this.#phase.barrier === undefined || this.isStopping) return false
    return this.#phase.barrier < this.#log.chosenUpTo
  }

  /** True once this leader has proposed a stop sign, or knows one chosen. */
  get isStopping(): boolean {
    return this.#phase.kind === 'propose' && (this.#phase.stop !== undefined || this.#log.stop !== undefined)
  }

  /** True while entries are missing that were chosen before this leadership: it proposes, but cannot apply. */
  get isStranded(): boolean {
    return this.#phase.kind === 'propose' && this.#log.chosenUpTo < this.#phase.start
  }

  get openSlots(): number {
    return this.#open.size
  }

  get room(): number {
    if (this.#phase.kind !== 'propose' || this.isStopping) return 0
    return Math.max(0, this.#options.pipelineSlotsMax - this.#open.size)
  }

  get decided(): Decided {
    assert(this.#phase.kind === 'propose', 'only a leader that finished phase 1 decides')
    assert(
      this.#phase.start <= this.#decidedUpTo,
      'decided below %s, where this ballot proposed nothing',
      this.#phase.start,
    )
    return { from: this.#phase.start, upTo: this.#decidedUpTo }
  }

  /** Begins phase 1. The prepare goes to this node's own acceptor as well. */
  start(now: number, ballot: Ballot): Message {
    assert(ballot.node === this.#self, 'leading under the ballot of another node')
    this.stop()
    const one = new PhaseOne(ballot, this.#log.chosenUpTo, this.#quorums)
    this.#phase = { kind: 'prepare', one, attempt: 1, sentAt: now }
    return { kind: 'prepare', ballot, attempt: 1, fromSlot: one.fromSlot }
  }

  /** Gives up. What was proposed stays undecided: it may or may not be chosen. */
  stop(): void {
    this.#phase = { kind: 'idle' }
    this.#open.clear()
    this.#outbox = []
  }

  onPromise(now: number, from: NodeId, promise: Extract<Message, { kind: 'promise' }>): Effect[] {
    // Late promises say nothing that matters: the entries of this ballot are bound.
    if (this.#phase.kind !== 'prepare' || !sameBallot(promise.ballot, this.#phase.one.ballot)) return []
    const { one } = this.#phase
    one.onPromise(from, promise)
    const result = one.result()
    if (result === undefined) return []
    // The stop sign was learned meanwhile, and would not be proposed again below: what followed it would void it.
    if (this.#log.stop !== undefined) return []
    // More may have been learned here since phase 1 began. What is truncated elsewhere is never voted for again.
    const start = Math.max(result.chosenUpTo, this.#log.chosenUpTo) as Slot
    this.#phase = { kind: 'propose', ballot: one.ballot, start, barrier: undefined, stop: undefined }
    this.#nextSlot = start
    this.#decidedUpTo = start
    this.#announcedUpTo = start
    if (result.source !== this.#self) this.#learner.onPeerChosen(result.source, result.chosenUpTo)
    for (const { slot, entry } of result.proposals) {
      if (slot < start) continue
      assert(slot === this.#nextSlot, 'phase 1 left slot %s out', this.#nextSlot)
      this.#bind(now, entry)
    }
    return [{ kind: 'elected', ballot: one.ballot }]
  }

  propose(now: number, proposal: number, entry: Entry): Effect[] {
    if (this.#phase.kind !== 'propose' || this.isStopping) return [{ kind: 'refused', proposal }]
    if (entry.kind === 'barrier') {
      assert(this.#phase.barrier === undefined, 'a second barrier at one ballot')
      this.#phase.barrier = this.#nextSlot
    } else {
      assert(this.#phase.barrier !== undefined, 'an entry before the barrier')
      if (this.room === 0) return [{ kind: 'refused', proposal }]
    }
    const slot = this.#bind(now, entry)
    return [{ kind: 'proposed', proposal, slot, ballot: this.#phase.ballot }]
  }

  onAccepted(from: NodeId, ballot: Ballot, ranges: readonly SlotRange[]): void {
    if (this.#phase.kind !== 'propose' || !sameBallot(ballot, this.#phase.ballot)) return
    for (const range of ranges) {
      const end = Math.min(range.to, this.#nextSlot)
      for (let slot = Math.max(range.from, this.#decidedUpTo) as Slot; slot < end; slot = (slot + 1) as Slot) {
        const open = this.#open.get(slot)
        if (open === undefined) continue
        open.votes.add(from)
        if (!this.#quorums.isPhase2(open.votes)) continue
        this.#open.delete(slot)
        this.#learner.choose(slot, ballot, open.entry)
      }
    }
    this.#advanceDecided()
  }

  /**
   * Entries learned from elsewhere close their slots: what is chosen needs no more votes. False when another entry was
   * chosen than this leader proposed: then a higher ballot chose it, and this leadership is over without having heard so.
   */
  onLearned(slot: Slot, entry: Entry): boolean {
    const open = this.#open.get(slot)
    if (open === undefined) return true
    if (!sameEntry(open.entry, entry)) return false
    this.#open.delete(slot)
    this.#advanceDecided()
    return true
  }

  /**
   * A snapshot took the place of everything below `upTo`: those slots are chosen, here unknown how. Acceptors that
   * truncated them vote for them no more, so left open they would hold up the notices for ever; and no notice may speak
   * of them, for this ballot's proposals there need not be what was chosen. False when `upTo` is beyond all that this
   * leader proposed: then a higher ballot chose something, and this leadership is over.
   */
  onSkipped(upTo: Slot): boolean {
    if (this.#phase.kind !== 'propose' || upTo <= this.#phase.start) return true
    if (upTo > this.#nextSlot) return false
    for (const slot of this.#open.keys()) if (slot < upTo) this.#open.delete(slot)
    this.#outbox = this.#outbox.filter(({ slot }) => slot >= upTo)
    this.#phase.start = upTo
    this.#decidedUpTo = Math.max(this.#decidedUpTo, upTo) as Slot
    this.#advanceDecided()
    return true
  }

  /** Sends again what was not answered. */
  onTick(now: number): Effect[] {
    if (this.#phase.kind === 'prepare') return this.#resendPrepare(now, this.#phase)
    if (this.#phase.kind !== 'propose') return []
    const effects: Effect[] = []
    // This node's own acceptor may have refused, too: a lease that it granted to somebody else binds it.
    for (const node of [this.#self, ...this.#others]) {
      const entries: SlotEntry[] = []
      let bytes = 0
      for (const open of this.#open.values()) {
        if (now - open.sentAt < this.#options.resendMs || open.votes.has(node)) continue
        if (bytes > this.#options.messageBytesMax) break
        entries.push({ slot: open.slot, entry: open.entry })
        bytes += open.entry.payload.length
      }
      if (entries.length > 0) effects.push(this.#accept([node], this.#phase.ballot, entries))
    }
    for (const open of this.#open.values()) if (now - open.sentAt >= this.#options.resendMs) open.sentAt = now
    return effects
  }

  /** What was bound in this turn, as accepts for the other acceptors; also returned for this node's own. */
  takeAccepts(): { readonly own: Extract<Message, { kind: 'accept' }>[]; readonly effects: Effect[] } {
    const own: Extract<Message, { kind: 'accept' }>[] = []
    const effects: Effect[] = []
    if (this.#phase.kind !== 'propose' || this.#outbox.length === 0) return { own, effects }
    const { ballot } = this.#phase
    let entries: SlotEntry[] = []
    let bytes = 0
    const seal = (): void => {
      if (entries.length === 0) return
      own.push({ kind: 'accept', ballot, decided: this.decided, entries })
      if (this.#others.length > 0) effects.push(this.#accept(this.#others, ballot, entries))
      this.#announcedUpTo = this.#decidedUpTo
      entries = []
      bytes = 0
    }
    for (const proposal of this.#outbox) {
      const size = proposal.entry.payload.length
      if (bytes + size > this.#options.messageBytesMax) seal()
      entries.push(proposal)
      bytes += size
    }
    seal()
    this.#outbox = []
    return { own, effects }
  }

  /** News of decided slots that no accept carried, or undefined. */
  takeDecided(): Decided | undefined {
    if (this.#phase.kind !== 'propose' || this.#announcedUpTo === this.#decidedUpTo) return undefined
    this.#announcedUpTo = this.#decidedUpTo
    return this.decided
  }

  #bind(now: number, entry: Entry): Slot {
    const slot = this.#nextSlot
    assert(!this.#open.has(slot), 'slot %s is bound already', slot)
    assert(this.#phase.kind === 'propose' && !this.isStopping, 'slot %s is above a stop sign', slot)
    if (entry.kind === 'stopSign') this.#phase.stop = slot
    this.#nextSlot = (slot + 1) as Slot
    this.#open.set(slot, { slot, entry, votes: new Set(), sentAt: now })
    this.#outbox.push({ slot, entry })
    return slot
  }

  #advanceDecided(): void {
    while (this.#decidedUpTo < this.#nextSlot && !this.#open.has(this.#decidedUpTo)) {
      this.#decidedUpTo = (this.#decidedUpTo + 1) as Slot
    }
  }

  #accept(to: readonly NodeId[], ballot: Ballot, entries: readonly SlotEntry[]): Effect {
    return { kind: 'send', to, message: { kind: 'accept', ballot, decided: this.decided, entries } }
  }

  #resendPrepare(now: number, phase: Extract<Phase, { kind: 'prepare' }>): Effect[] {
    if (now - phase.sentAt < this.#options.resendMs) return []
    phase.sentAt = now
    phase.attempt++
    const to = [this.#self, ...this.#others].filter((node) => !phase.one.hasPromised(node))
    const { ballot, fromSlot } = phase.one
    return [{ kind: 'send', to, message: { kind: 'prepare', ballot, attempt: phase.attempt, fromSlot } }]
  }
}
