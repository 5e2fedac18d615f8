/**
 * The acceptor: two promises, kept for ever.
 *
 * Prepare(b): from now on, refuse everything below b, and tell every vote that could have been chosen.
 * Accept(b, s, v): vote for v in slot s at b, unless something above b was promised.
 *
 * Invariants (Paxos Made Simple, section 2.2; protocols 16, 1-4):
 * - promised never decreases, and no vote's ballot is above it.
 * - the ballot of a slot's vote never decreases; one ballot has one entry in a slot.
 * - nothing is answered before what it says is durable: answers travel inside `persist`.
 * - a vote that cannot be read is "unknown", never "no vote".
 *
 * Left out: a promise for one slot alone, which needs an overlay of promises. A gap is filled by a leader (`log fill`).
 */
import { assert } from '../../base/assert.ts'
import { compareNumbers } from '../../base/order.ts'
import { type Ballot, compareBallots, maxBallot, sameBallot, zeroBallot } from '../ballot.ts'
import type { Effect, Send, Write } from '../effect.ts'
import { sameEntry } from '../entry.ts'
import type { NodeId, Slot } from '../ids.ts'
import type { SlotLog } from '../slot-log.ts'
import type { Grant } from './grant.ts'
import type { Message, SlotEntry, Vote } from './message.ts'
import { toRanges } from './ranges.ts'

type Prepare = Extract<Message, { kind: 'prepare' }>
type Accept = Extract<Message, { kind: 'accept' }>

export interface AcceptorLimits {
  /** A promise is cut into parts of about this size, so that each fits a frame. */
  readonly promiseBytesMax: number
  /** Votes kept beyond the chosen prefix. Above it, accepts are dropped and the leader sends them again. */
  readonly openSlotsMax: number
  readonly openBytesMax: number
}

export class Acceptor {
  readonly #log: SlotLog
  readonly #grant: Grant
  readonly #limits: AcceptorLimits
  #promised: Ballot
  /** The last sending of the promised ballot's prepare that was answered; infinite once that ballot proposes. */
  #answeredAttempt = 0
  #writes: Write[] = []
  /** Votes of this turn that have not been answered yet: all for one ballot and one leader. */
  #unanswered: { leader: NodeId; ballot: Ballot; slots: Slot[] } | undefined

  constructor(promised: Ballot, log: SlotLog, grant: Grant, limits: AcceptorLimits) {
    this.#log = log
    this.#grant = grant
    this.#limits = limits
    this.#promised = promised
    for (const vote of log.votes({ from: log.truncatedUpTo, to: log.votedUpTo })) {
      assert(compareBallots(vote.ballot, promised) <= 0, 'loaded vote in slot %s is above the promise', vote.slot)
    }
  }

  get promised(): Ballot {
    return this.#promised
  }

  onPrepare(now: number, from: NodeId, prepare: Prepare): Effect[] {
    const { ballot, attempt } = prepare
    if (compareBallots(ballot, this.#promised) < 0) return [this.#nack(from, ballot, 0)]
    // A copy that the network made. What is known chosen may have grown, and parts of two answers to one attempt would pass for
    // one answer, with votes between them missing.
    if (sameBallot(ballot, this.#promised) && attempt <= this.#answeredAttempt) return []
    const leaseMs = this.#grant.remainingMs(now, from)
    if (leaseMs > 0) return [this.#nack(from, ballot, leaseMs)]
    this.#answeredAttempt = attempt
    if (compareBallots(ballot, this.#promised) > 0) {
      // Earlier votes of this turn must be on disk no later than the promise that reports them.
      const effects = this.flush()
      this.#promised = ballot
      effects.push({ kind: 'persist', writes: [{ kind: 'promise', ballot }], release: this.#promise(from, prepare) })
      return effects
    }
    // A prepare that is sent again gets its answer again, once what the answer says is durable.
    return [...this.flush(), { kind: 'persist', writes: [], release: this.#promise(from, prepare) }]
  }

  onAccept(now: number, from: NodeId, { ballot, entries }: Accept): Effect[] {
    if (compareBallots(ballot, this.#promised) < 0) return [this.#nack(from, ballot, 0)]
    const effects: Effect[] = []
    if (compareBallots(ballot, this.#promised) > 0) {
      // A lease grant binds here as well: voting at a ballot promises it.
      const leaseMs = this.#grant.remainingMs(now, from)
      if (leaseMs > 0) return [this.#nack(from, ballot, leaseMs)]
      effects.push(...this.flush())
      // Voting at a ballot also promises it; forgetting this lets an older leader back in (T1).
      this.#promised = ballot
      this.#writes.push({ kind: 'promise', ballot })
    }
    // Whoever proposes has had its phase 1: a prepare of it that comes now is late.
    this.#answeredAttempt = Number.POSITIVE_INFINITY
    const voted: Slot[] = []
    for (const proposal of entries) if (this.#vote(ballot, proposal)) voted.push(proposal.slot)
    if (voted.length === 0) return effects
    if (this.#unanswered !== undefined && !sameBallot(this.#unanswered.ballot, ballot)) effects.push(...this.flush())
    this.#unanswered ??= { leader: from, ballot, slots: [] }
    this.#unanswered.slots.push(...voted)
    return effects
  }

  /** Stores an entry that is chosen for certain, whatever was voted here before. */
  learn({ slot, entry }: SlotEntry): void {
    if (slot < this.#log.chosenUpTo) return
    const previous = this.#log.vote(slot)
    if (previous?.chosen === true) {
      assert(sameEntry(previous.entry, entry), 'two chosen entries in slot %s', slot)
      return
    }
    // The ballot stays as it was: learning is not voting.
    const ballot = previous?.ballot ?? zeroBallot(this.#promised.epoch)
    this.#store({ slot, ballot, entry, chosen: true })
  }

  /** Marks this acceptor's own vote as chosen. No write of its own: the chosen watermark covers it. */
  markChosen(slot: Slot): void {
    const vote = this.#log.vote(slot)
    assert(vote !== undefined, 'slot %s has no vote to mark as chosen', slot)
    if (!vote.chosen) this.#log.put({ ...vote, chosen: true })
  }

  /** Adds a write that nothing waits for to the next commit. */
  note(write: Write): void {
    this.#writes.push(write)
  }

  /** Ends the turn: everything voted in it becomes one commit and one answer. */
  flush(): Effect[] {
    const release: Send[] = []
    if (this.#unanswered !== undefined) {
      const { leader, ballot, slots } = this.#unanswered
      const ranges = toRanges(slots.sort(compareNumbers))
      release.push({ kind: 'send', to: [leader], message: { kind: 'accepted', ballot, ranges } })
    }
    if (this.#writes.length === 0 && release.length === 0) return []
    const effect: Effect = { kind: 'persist', writes: this.#writes, release }
    this.#writes = []
    this.#unanswered = undefined
    return [effect]
  }

  /** True when the vote is stored, or the slot's chosen entry is known here to be this one. */
  #vote(ballot: Ballot, { slot, entry }: SlotEntry): boolean {
    // Truncated means chosen and applied: a leader that proposes here is behind, and every promise from here says so.
    if (slot < this.#log.truncatedUpTo) return false
    // A late accept of an older leader: nothing can be chosen above a chosen stop sign.
    if (this.#log.stop !== undefined && slot > this.#log.stop.slot) return false
    const previous = this.#log.vote(slot)
    if (previous === undefined) {
      if (this.#isFull(slot)) return false
    } else {
      assert(compareBallots(previous.ballot, this.#promised) <= 0, 'vote above the promise in slot %s', slot)
      // A late accept of an older leader may differ from what was chosen above its ballot and learned here.
      if (previous.chosen) return sameEntry(previous.entry, entry)
      if (sameBallot(previous.ballot, ballot)) {
        // A ballot names one proposal. Two entries under one ballot could each gather a quorum.
        assert(sameEntry(previous.entry, entry), 'ballot reused in slot %s', slot)
        return true
      }
      assert(compareBallots(previous.ballot, ballot) < 0, 'vote at %s would go back to a lower ballot', slot)
    }
    this.#store({ slot, ballot, entry, chosen: false })
    return true
  }

  #store(vote: Vote): void {
    this.#log.put(vote)
    this.#writes.push({ kind: 'vote', ...vote })
  }

  /** A follower that is far behind must not fill its memory with votes that it cannot apply. */
  #isFull(slot: Slot): boolean {
    const { chosenUpTo } = this.#log
    if (slot === chosenUpTo) return false
    return slot - chosenUpTo >= this.#limits.openSlotsMax || this.#log.openBytes >= this.#limits.openBytesMax
  }

  /**
   * What a new leader must know: every vote that is not covered by the chosen prefix. A chosen stop sign is always told:
   * one who began above it, not knowing, would choose entries that the next epoch has chosen others for.
   */
  #promise(to: NodeId, { ballot, attempt, fromSlot }: Prepare): Send[] {
    const { stop } = this.#log
    const chosenUpTo = stop?.slot ?? this.#log.chosenUpTo
    const range = { from: stop?.slot ?? (Math.max(fromSlot, chosenUpTo) as Slot), to: this.#log.votedUpTo }
    const pages: Vote[][] = [[]]
    let bytes = 0
    for (const vote of this.#log.votes(range)) {
      const weight = vote.entry.payload.length + 64
      if (bytes > 0 && bytes + weight > this.#limits.promiseBytesMax) {
        pages.push([])
        bytes = 0
      }
      pages.at(-1)?.push(vote)
      bytes += weight
    }
    return pages.map((votes, part) => ({
      kind: 'send',
      to: [to],
      message: {
        kind: 'promise',
        ballot,
        attempt,
        part,
        parts: pages.length,
        truncatedUpTo: this.#log.truncatedUpTo,
        chosenUpTo,
        votes,
        unknown: part === 0 ? this.#log.unknown(range) : [],
      },
    }))
  }

  #nack(to: NodeId, ballot: Ballot, leaseMs: number): Send {
    assert(leaseMs > 0 || compareBallots(ballot, this.#promised) < 0, 'refusing without a reason')
    const promised = maxBallot(this.#promised, ballot)
    return { kind: 'send', to: [to], message: { kind: 'nack', ballot, promised, leaseMs } }
  }
}
