import { assert } from '../base/assert.ts'
import { compareNumbers } from '../base/order.ts'
import type { Slot } from './ids.ts'
import type { SlotEntry, SlotRange, Vote } from './multipaxos/message.ts'

/** Rough memory of a vote beside its payload, so that many small entries count, too. */
const voteOverheadBytes = 128

/**
 * What one acceptor voted, between the watermarks. Invariants:
 * - truncatedUpTo <= chosenUpTo; no vote is stored below truncatedUpTo.
 * - every slot in [truncatedUpTo, chosenUpTo) holds a vote whose entry is the chosen one.
 * - a chosen stop sign is the last chosen entry, and is never truncated (protocols 16, 17): who knows that everything up
 *   to it is chosen knows that the epoch is over.
 */
export class SlotLog {
  readonly #votes = new Map<Slot, Vote>()
  readonly #unknown = new Set<Slot>()
  #truncatedUpTo: Slot
  #chosenUpTo: Slot
  #votedUpTo: Slot
  #bytes = 0
  #openBytes = 0
  #stop: SlotEntry | undefined

  constructor(truncatedUpTo: Slot, chosenUpTo: Slot) {
    assert(truncatedUpTo <= chosenUpTo, 'truncated %s beyond chosen %s', truncatedUpTo, chosenUpTo)
    this.#truncatedUpTo = truncatedUpTo
    this.#chosenUpTo = chosenUpTo
    this.#votedUpTo = chosenUpTo
  }

  get truncatedUpTo(): Slot {
    return this.#truncatedUpTo
  }

  get chosenUpTo(): Slot {
    return this.#chosenUpTo
  }

  /** One above the highest slot with a vote, or the chosen watermark if that is higher. */
  get votedUpTo(): Slot {
    return this.#votedUpTo
  }

  get bytes(): number {
    return this.#bytes
  }

  /** The stop sign, once it is in the chosen prefix. */
  get stop(): SlotEntry | undefined {
    return this.#stop
  }

  /** What lies at or above the chosen watermark. */
  get openBytes(): number {
    return this.#openBytes
  }

  vote(slot: Slot): Vote | undefined {
    return this.#votes.get(slot)
  }

  isUnknown(slot: Slot): boolean {
    return this.#unknown.has(slot)
  }

  put(vote: Vote): void {
    assert(vote.slot >= this.#truncatedUpTo, 'vote at %s below truncated %s', vote.slot, this.#truncatedUpTo)
    this.#dropOne(vote.slot)
    this.#votes.set(vote.slot, vote)
    this.#unknown.delete(vote.slot)
    this.#bytes += weight(vote)
    if (vote.slot >= this.#chosenUpTo) this.#openBytes += weight(vote)
    if (vote.slot >= this.#votedUpTo) this.#votedUpTo = (vote.slot + 1) as Slot
  }

  /** A stored vote that cannot be read: it may have been anything. */
  markUnknown(slot: Slot): void {
    if (slot < this.#truncatedUpTo || this.#votes.has(slot)) return
    this.#unknown.add(slot)
    if (slot >= this.#votedUpTo) this.#votedUpTo = (slot + 1) as Slot
  }

  /** Moves the chosen watermark over one slot, whose vote must hold the chosen entry. */
  advanceChosen(): Vote {
    const vote = this.#votes.get(this.#chosenUpTo)
    assert(vote?.chosen === true, 'slot %s is not known chosen', this.#chosenUpTo)
    assert(this.#stop === undefined, 'slot %s is chosen above a stop sign', this.#chosenUpTo)
    this.#chosenUpTo = (this.#chosenUpTo + 1) as Slot
    this.#openBytes -= weight(vote)
    if (vote.entry.kind === 'stopSign') this.#stop = { slot: vote.slot, entry: vote.entry }
    return vote
  }

  truncate(upTo: Slot): void {
    assert(upTo <= this.#chosenUpTo, 'truncating %s beyond chosen %s', upTo, this.#chosenUpTo)
    assert(this.#stop === undefined || upTo <= this.#stop.slot, 'truncating a stop sign')
    if (upTo <= this.#truncatedUpTo) return
    this.#drop(upTo)
    this.#truncatedUpTo = upTo
  }

  /** Everything below is applied from elsewhere (a snapshot): the votes below are of no more use. */
  skipTo(upTo: Slot): void {
    assert(this.#stop === undefined || upTo <= this.#stop.slot, 'skipping a stop sign')
    if (upTo <= this.#truncatedUpTo) return
    this.#drop(upTo)
    this.#truncatedUpTo = upTo
    if (upTo > this.#chosenUpTo) this.#chosenUpTo = upTo
    if (upTo > this.#votedUpTo) this.#votedUpTo = upTo
  }

  /** Votes in the range, rising. */
  votes({ from, to }: SlotRange): Vote[] {
    const found: Vote[] = []
    const first = Math.max(from, this.#truncatedUpTo)
    const end = Math.min(to, this.#votedUpTo)
    for (let slot = first; slot < end; slot++) {
      const vote = this.#votes.get(slot as Slot)
      if (vote !== undefined) found.push(vote)
    }
    return found
  }

  unknown({ from, to }: SlotRange): Slot[] {
    return [...this.#unknown].filter((slot) => slot >= from && slot < to).sort(compareNumbers)
  }

  /** Chosen entries from `from` on without a gap, until `bytesMax` is reached; at least one if there is one. */
  chosenEntries(from: Slot, to: Slot, bytesMax: number): SlotEntry[] {
    const entries: SlotEntry[] = []
    let bytes = 0
    const end = Math.min(to, this.#chosenUpTo)
    for (let slot = from; slot < end && bytes < bytesMax; slot = (slot + 1) as Slot) {
      const vote = this.#votes.get(slot)
      if (vote === undefined) break
      entries.push({ slot, entry: vote.entry })
      bytes += weight(vote)
    }
    return entries
  }

  #drop(upTo: Slot): void {
    // After a snapshot the distance can be far longer than what is stored.
    if (upTo - this.#truncatedUpTo > this.#votes.size) {
      for (const slot of this.#votes.keys()) if (slot < upTo) this.#dropOne(slot)
    } else {
      for (let slot = this.#truncatedUpTo; slot < upTo; slot = (slot + 1) as Slot) this.#dropOne(slot)
    }
    for (const slot of this.#unknown) if (slot < upTo) this.#unknown.delete(slot)
  }

  #dropOne(slot: Slot): void {
    const vote = this.#votes.get(slot)
    if (vote === undefined) return
    this.#bytes -= weight(vote)
    if (slot >= this.#chosenUpTo) this.#openBytes -= weight(vote)
    this.#votes.delete(slot)
  }
}

function weight(vote: Vote): number {
  return vote.entry.payload.length + voteOverheadBytes
}
