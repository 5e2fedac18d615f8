/**
 * Watches a whole cluster from outside and keeps what no node can know: every entry ever proposed, every vote that was
 * ever durable, and what is therefore chosen. Throws Violation at the step that breaks one of these:
 *
 * 1. a durable promise never decreases.
 * 2. a durable vote is at or below the durable promise; the ballot of a slot's vote never decreases.
 * 3. one ballot proposes at most one entry in a slot.
 * 4. a durable vote is for the proposal of its ballot.
 * 5. what is proposed at a ballot excludes that another entry is chosen at a lower one.
 * 6. one chosen entry in a slot.
 * 7. what is chosen was submitted, or is a no-op or a barrier.
 * 8. what is learned is chosen.
 * 9. a message says nothing that its sender's disk does not justify at that moment.
 * 10. what a promise leaves out as chosen is chosen; what a node truncates is chosen.
 * 14. at most one node holds a lease. 15. a linearizable read sees everything learned before it began.
 */
import { type Ballot, compareBallots, formatBallot, isZeroBallot } from '../../src/protocol/ballot.ts'
import type { Write } from '../../src/protocol/effect.ts'
import type { Entry } from '../../src/protocol/entry.ts'
import type { Epoch } from '../../src/protocol/epoch.ts'
import type { NodeId, Slot } from '../../src/protocol/ids.ts'
import type { Decided, Message, SlotEntry, Vote } from '../../src/protocol/multipaxos/message.ts'
import type { Disk } from './disk.ts'
import { ballotKey, formatEntry } from './format.ts'

export class Violation extends Error {
  override readonly name = 'Violation'
}

interface Proposal {
  readonly ballot: Ballot
  readonly text: string
  /** Acceptors whose vote for it was durable at some time. */
  readonly voters: Set<NodeId>
}

type Promise_ = Extract<Message, { kind: 'promise' }>

export class Invariants {
  readonly #acceptors: ReadonlySet<NodeId>
  /** Quorums are counted here, not by the code under test: a wrong count there must not be the measure of itself. */
  readonly #q2: number
  readonly #submitted = new Set(['noop', 'barrier'])
  readonly #proposals = new Map<Slot, Map<string, Proposal>>()
  readonly #chosen = new Map<Slot, string>()
  readonly #promised = new Map<NodeId, Ballot>()
  readonly #prepared = new Map<string, Slot>()
  /** Slots in the parts of the promise that each node is sending. */
  readonly #promiseParts = new Map<NodeId, Set<Slot>>()
  #chosenBelow = 0 as Slot
  #learnedUpTo = 0 as Slot

  constructor(epoch: Epoch) {
    this.#acceptors = new Set(epoch.members.filter(({ kind }) => kind === 'acceptor').map(({ id }) => id))
    this.#q2 = epoch.q2
  }

  /** One above the highest slot that any node learned. */
  get learnedUpTo(): Slot {
    return this.#learnedUpTo
  }

  chosen(slot: Slot): string | undefined {
    return this.#chosen.get(slot)
  }

  onSubmit(entry: Entry): void {
    this.#submitted.add(formatEntry(entry))
  }

  /** The disk is gone, and with it what bound the node: from here on safety is not promised. */
  onWipe(node: NodeId): void {
    this.#promised.delete(node)
  }

  /** Before `disk` takes the writes. */
  beforeCommit(node: NodeId, disk: Disk, writes: readonly Write[]): void {
    for (const write of writes) {
      if (write.kind === 'promise') {
        const before = this.#promised.get(node)
        check(
          before === undefined || compareBallots(before, write.ballot) <= 0,
          () => `n${node} goes back on its promise to ${before === undefined ? '' : formatBallot(before)}`,
        )
        this.#promised.set(node, write.ballot)
      } else if (write.kind === 'vote') this.#onVoteWrite(node, disk, write)
    }
  }

  /** After `disk` took the writes. */
  afterCommit(node: NodeId, disk: Disk, writes: readonly Write[]): void {
    for (const write of writes) {
      if (write.kind === 'vote') {
        if (!isZeroBallot(write.ballot) && !this.#isLearnedCopy(write)) this.#onVote(node, write)
      } else if (write.kind === 'chosen') this.#onWatermark(node, disk, write.upTo)
      else if (write.kind === 'truncate') this.#isAllChosen(write.upTo, () => `n${node} truncates`)
    }
  }

  onLearn(node: NodeId, slot: Slot, entry: Entry): void {
    this.#isChosen(slot, formatEntry(entry), () => `n${node} learns`)
    if (slot >= this.#learnedUpTo) this.#learnedUpTo = (slot + 1) as Slot
  }

  onReadable(node: NodeId, upTo: Slot, wanted: Slot): void {
    check(upTo >= wanted, () => `n${node} may read below ${upTo}, but ${wanted} was learned before the read began`)
  }

  onLeases(holders: readonly NodeId[]): void {
    check(holders.length <= 1, () => `leases held at once by ${holders.map((node) => `n${node}`).join(' and ')}`)
  }

  onSend(from: NodeId, disk: Disk, message: Message): void {
    switch (message.kind) {
      case 'prepare':
        this.#prepared.set(ballotKey(message.ballot), message.fromSlot)
        return
      case 'promise':
        this.#onPromise(from, disk, message)
        return
      case 'accept':
        for (const proposal of message.entries) this.#onProposal(message.ballot, proposal)
        this.#onDecided(from, message.ballot, message.decided)
        return
      case 'accepted':
        this.#onAccepted(from, disk, message)
        return
      case 'decide':
      case 'heartbeat':
        this.#onDecided(from, message.ballot, message.decided)
        return
      case 'catchupReply':
        for (const { slot, entry } of message.entries)
          this.#isChosen(slot, formatEntry(entry), () => `n${from} hands out`)
        return
      default:
        return
    }
  }

  #onVoteWrite(node: NodeId, disk: Disk, vote: Vote): void {
    const before = disk.votes.get(vote.slot)
    check(
      before === undefined || compareBallots(before.ballot, vote.ballot) <= 0,
      () => `the vote of n${node} in slot ${vote.slot} goes back to a lower ballot`,
    )
    if (vote.slot < disk.chosenUpTo) {
      this.#isChosen(vote.slot, formatEntry(vote.entry), () => `n${node} stores below its watermark`)
    }
    const promised = this.#promised.get(node)
    check(
      isZeroBallot(vote.ballot) || (promised !== undefined && compareBallots(vote.ballot, promised) <= 0),
      () => `n${node} votes in slot ${vote.slot} above its promise`,
    )
  }

  /** Learning replaces the entry and keeps the ballot: that is no vote. */
  #isLearnedCopy(vote: Vote): boolean {
    return vote.chosen && this.#chosen.get(vote.slot) === formatEntry(vote.entry)
  }

  #onVote(node: NodeId, { slot, ballot, entry }: Vote): void {
    const text = formatEntry(entry)
    if (ballot.node === node) this.#onProposal(ballot, { slot, entry })
    const proposal = this.#proposals.get(slot)?.get(ballotKey(ballot))
    check(
      proposal !== undefined && proposal.text === text,
      () => `n${node} voted ${text} in slot ${slot} at ${formatBallot(ballot)}, which was not proposed`,
    )
    proposal?.voters.add(node)
    if (proposal === undefined || !this.#isPhase2(proposal.voters)) return
    const known = this.#chosen.get(slot)
    check(known === undefined || known === text, () => `slot ${slot} has two chosen entries: ${known} and ${text}`)
    check(this.#submitted.has(text), () => `chosen, but never submitted: ${text}`)
    this.#chosen.set(slot, text)
    while (this.#chosen.has(this.#chosenBelow)) this.#chosenBelow = (this.#chosenBelow + 1) as Slot
  }

  #onWatermark(node: NodeId, disk: Disk, upTo: Slot): void {
    this.#isAllChosen(upTo, () => `n${node} stores a watermark`)
    for (let slot = disk.truncatedUpTo; slot < upTo; slot = (slot + 1) as Slot) {
      const vote = disk.votes.get(slot)
      if (vote === undefined) continue
      this.#isChosen(slot, formatEntry(vote.entry), () => `n${node} stores below its watermark`)
    }
  }

  #onProposal(ballot: Ballot, { slot, entry }: SlotEntry): void {
    const text = formatEntry(entry)
    const key = ballotKey(ballot)
    const ofSlot = this.#proposals.get(slot) ?? new Map<string, Proposal>()
    this.#proposals.set(slot, ofSlot)
    const known = ofSlot.get(key)
    if (known !== undefined) {
      check(
        known.text === text,
        () => `two entries proposed in slot ${slot} at ${formatBallot(ballot)}: ${known.text} and ${text}`,
      )
      return
    }
    for (const other of ofSlot.values()) {
      if (other.text === text) continue
      const lower = compareBallots(other.ballot, ballot) < 0 ? other : { ballot, text, voters: new Set<NodeId>() }
      check(
        !this.#isChoosable(lower),
        () =>
          `${text} proposed in slot ${slot} at ${formatBallot(ballot)}, but ${lower.text} may still be chosen below`,
      )
    }
    ofSlot.set(key, { ballot, text, voters: new Set() })
  }

  /** Enough acceptors voted for it, or can still vote for it. */
  #isChoosable({ ballot, voters }: Proposal): boolean {
    const able = new Set(voters)
    for (const node of this.#acceptors) {
      const promised = this.#promised.get(node)
      if (promised === undefined || compareBallots(promised, ballot) <= 0) able.add(node)
    }
    return this.#isPhase2(able)
  }

  /** Enough votes at one ballot to choose. Learners do not vote. */
  #isPhase2(nodes: ReadonlySet<NodeId>): boolean {
    return [...nodes].filter((node) => this.#acceptors.has(node)).length >= this.#q2
  }

  #onDecided(from: NodeId, ballot: Ballot, { from: start, upTo }: Decided): void {
    for (let slot = start; slot < upTo; slot = (slot + 1) as Slot) {
      const proposed = this.#proposals.get(slot)?.get(ballotKey(ballot))?.text
      check(proposed !== undefined, () => `n${from} calls slot ${slot} decided, which it did not propose`)
      this.#isChosen(slot, proposed ?? '', () => `n${from} calls decided`)
    }
  }

  #onAccepted(from: NodeId, disk: Disk, { ballot, ranges }: Extract<Message, { kind: 'accepted' }>): void {
    this.#hasPromised(from, disk, ballot, 'accepted')
    for (const range of ranges) {
      for (let slot = range.from; slot < range.to; slot = (slot + 1) as Slot) {
        if (slot < disk.truncatedUpTo) continue
        const vote = disk.votes.get(slot)
        const proposed = this.#proposals.get(slot)?.get(ballotKey(ballot))?.text
        // An acceptor that knows the entry chosen may say so without voting again.
        const isKnown = this.#chosen.get(slot) === proposed
        const isVoted = vote !== undefined && compareBallots(vote.ballot, ballot) >= 0
        check(isVoted || isKnown, () => `n${from} answers accepted for slot ${slot} before its vote is durable`)
      }
    }
  }

  #onPromise(from: NodeId, disk: Disk, promise: Promise_): void {
    const { ballot, chosenUpTo, truncatedUpTo, votes } = promise
    this.#hasPromised(from, disk, ballot, 'promise')
    this.#isAllChosen(Math.max(chosenUpTo, truncatedUpTo) as Slot, () => `n${from} leaves out of its promise`)
    for (const vote of votes) {
      if (vote.slot < disk.truncatedUpTo) continue
      const stored = disk.votes.get(vote.slot)
      check(
        stored !== undefined && compareBallots(stored.ballot, vote.ballot) >= 0,
        () => `n${from} reports a vote in slot ${vote.slot} that is not durable`,
      )
      if (vote.chosen) this.#isChosen(vote.slot, formatEntry(vote.entry), () => `n${from} reports as chosen`)
    }
    this.#onPromisePart(from, disk, promise)
  }

  /** When all parts have left, they hold every durable vote that is not covered by the chosen prefix. */
  #onPromisePart(from: NodeId, disk: Disk, { ballot, part, parts, chosenUpTo, votes, unknown }: Promise_): void {
    // The parts of one answer leave in order. A node that crashed between them begins again when it is asked again.
    const sent = part === 0 ? new Set<Slot>() : (this.#promiseParts.get(from) ?? new Set<Slot>())
    this.#promiseParts.set(from, sent)
    for (const slot of [...votes.map((vote) => vote.slot), ...unknown]) sent.add(slot)
    if (part + 1 < parts) return
    const start = Math.max(chosenUpTo, this.#prepared.get(ballotKey(ballot)) ?? 0)
    for (const slot of [...disk.votes.keys(), ...disk.unknown]) {
      if (slot < start) continue
      check(sent.has(slot), () => `n${from} leaves its vote in slot ${slot} out of its promise`)
    }
  }

  #hasPromised(node: NodeId, disk: Disk, ballot: Ballot, what: string): void {
    const { promised } = disk
    check(
      promised !== undefined && compareBallots(promised, ballot) >= 0,
      () => `n${node} sends ${what} ${formatBallot(ballot)} before that promise is durable`,
    )
  }

  #isChosen(slot: Slot, text: string, who: () => string): void {
    const chosen = this.#chosen.get(slot)
    check(chosen === text, () => `${who()} ${text} in slot ${slot}, where ${chosen ?? 'nothing'} is chosen`)
  }

  #isAllChosen(upTo: Slot, who: () => string): void {
    check(upTo <= this.#chosenBelow, () => `${who()} everything below ${upTo}, but slot ${this.#chosenBelow} is open`)
  }
}

function check(holds: boolean, what: () => string): void {
  if (!holds) throw new Violation(what())
}
