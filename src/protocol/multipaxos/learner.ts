/**
 * The learner: finds out what is chosen, in slot order, and fetches what it missed.
 *
 * - a slot is chosen here when a quorum's votes at one ballot were counted (by the leader), when a notice names the
 *   ballot of this node's own vote (protocols 4), or when a member sent the chosen entry itself.
 * - learned entries leave in slot order without a gap, each once.
 *
 * A notice without a ballot would let a follower apply an older vote of its own (T5).
 */
import { assert } from '../../base/assert.ts'
import { type Ballot, compareBallots, sameBallot } from '../ballot.ts'
import type { Effect } from '../effect.ts'
import { type Entry, sameEntry } from '../entry.ts'
import type { NodeId, Slot } from '../ids.ts'
import type { SlotLog } from '../slot-log.ts'
import type { Acceptor } from './acceptor.ts'
import type { Decided, Message, SlotRange } from './message.ts'
import type { MultiPaxosOptions } from './options.ts'

type CatchupReply = Extract<Message, { kind: 'catchupReply' }>

export class Learner {
  readonly #log: SlotLog
  readonly #acceptor: Acceptor
  readonly #options: MultiPaxosOptions
  /** The newest notice, kept because the votes that it speaks of may arrive after it. */
  #notice: { readonly ballot: Ballot; readonly decided: Decided } | undefined
  /** How far members know the log chosen, as they said: those that knew more than this node. */
  readonly #known = new Map<NodeId, Slot>()
  #stalled: { at: Slot; since: number } | undefined
  #askedAt: number | undefined
  /** Was asked last, and nothing has come of it yet. */
  #lastAsked: NodeId | undefined

  constructor(log: SlotLog, acceptor: Acceptor, options: MultiPaxosOptions) {
    this.#log = log
    this.#acceptor = acceptor
    this.#options = options
  }

  /** The leader counted a phase-2 quorum for this entry at `ballot`. */
  choose(slot: Slot, ballot: Ballot, entry: Entry): void {
    if (slot < this.#log.chosenUpTo) return
    const vote = this.#log.vote(slot)
    if (vote === undefined || compareBallots(vote.ballot, ballot) < 0) {
      this.#acceptor.learn({ slot, entry })
      return
    }
    assert(sameEntry(vote.entry, entry), 'another entry is chosen in slot %s than the one voted here', slot)
    this.#acceptor.markChosen(slot)
  }

  /** The leader of `ballot` says which of its proposals are chosen. */
  onDecided(from: NodeId, ballot: Ballot, decided: Decided): void {
    if (this.#notice === undefined || compareBallots(ballot, this.#notice.ballot) >= 0)
      this.#notice = { ballot, decided }
    this.#match(ballot, decided)
    this.onPeerChosen(from, decided.upTo)
  }

  /** `from` knows everything below `upTo` chosen. */
  onPeerChosen(from: NodeId, upTo: Slot): void {
    if (upTo > this.#log.chosenUpTo && upTo > (this.#known.get(from) ?? 0)) this.#known.set(from, upTo)
  }

  /** Members that know chosen what this node misses, those that know most first. */
  sources(): readonly NodeId[] {
    const { chosenUpTo } = this.#log
    const ahead = [...this.#known].filter(([, upTo]) => upTo > chosenUpTo)
    return ahead.sort(([a, x], [b, y]) => y - x || a - b).map(([node]) => node)
  }

  /** Answers a member that misses chosen entries. */
  onCatchup(from: NodeId, range: SlotRange): Effect[] {
    const { truncatedUpTo, chosenUpTo } = this.#log
    const entries = this.#log.chosenEntries(range.from, range.to, this.#options.messageBytesMax)
    return [{ kind: 'send', to: [from], message: { kind: 'catchupReply', truncatedUpTo, chosenUpTo, entries } }]
  }

  onCatchupReply(now: number, from: NodeId, reply: CatchupReply): Effect[] {
    const before = this.#log.chosenUpTo
    for (const entry of reply.entries) this.#acceptor.learn(entry)
    this.onPeerChosen(from, reply.chosenUpTo)
    const effects = this.advance()
    if (this.#log.chosenUpTo > before) this.#lastAsked = undefined
    if (reply.truncatedUpTo > this.#log.chosenUpTo) {
      effects.push({ kind: 'behind', from, truncatedUpTo: reply.truncatedUpTo })
    } else if (this.#log.chosenUpTo > before && (this.#known.get(from) ?? 0) > this.#log.chosenUpTo) {
      effects.push(...this.#ask(now, from))
    }
    return effects
  }

  /** Hands out everything that became known chosen, in slot order. */
  advance(): Effect[] {
    if (this.#notice !== undefined) this.#match(this.#notice.ballot, this.#notice.decided)
    const effects: Effect[] = []
    while (this.#log.vote(this.#log.chosenUpTo)?.chosen === true) {
      const { slot, ballot, entry } = this.#log.advanceChosen()
      effects.push({ kind: 'learn', slot, ballot, entry })
    }
    return effects
  }

  onTick(now: number): Effect[] {
    const sources = this.sources()
    if (sources.length === 0) {
      this.#stalled = undefined
      return []
    }
    const at = this.#log.chosenUpTo
    if (this.#stalled?.at !== at) this.#stalled = { at, since: now }
    // What is missing is mostly still on its way; only a lasting gap is worth a question.
    if (now - this.#stalled.since < this.#options.catchupDelayMs) return []
    if (this.#askedAt !== undefined && now - this.#askedAt < this.#options.resendMs) return []
    // Whoever was asked in vain may be dead, or have forgotten in a restart what it said it knew. Others go on from here.
    const next = this.#lastAsked === undefined ? 0 : sources.indexOf(this.#lastAsked) + 1
    const source = sources[next % sources.length]
    return source === undefined ? [] : this.#ask(now, source)
  }

  #ask(now: number, source: NodeId): Effect[] {
    const upTo = this.#known.get(source)
    assert(upTo !== undefined, 'asking one that knows nothing more')
    this.#askedAt = now
    this.#lastAsked = source
    const range = { from: this.#log.chosenUpTo, to: upTo }
    return [{ kind: 'send', to: [source], message: { kind: 'catchup', range } }]
  }

  /**
   * Marks own votes that the notice covers: those at its ballot, which has one entry in a slot. A vote above it proves
   * nothing: the sender may have fetched the entry, and it was chosen above that vote.
   */
  #match(ballot: Ballot, { from, upTo }: Decided): void {
    for (let slot = Math.max(from, this.#log.chosenUpTo) as Slot; slot < upTo; slot = (slot + 1) as Slot) {
      const vote = this.#log.vote(slot)
      // A hole: what lies above it is looked at again when it is filled.
      if (vote === undefined) return
      if (vote.chosen) continue
      if (!sameBallot(vote.ballot, ballot)) return
      this.#acceptor.markChosen(slot)
    }
  }
}
