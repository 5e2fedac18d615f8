/**
 * What must hold of the acceptors of one epoch, whatever happens (protocols 16, 1 to 10). What is chosen is counted here, not
 * by the code under test: a wrong count there must not be the measure of itself.
 */
import { crc32c } from '../base/crc32c.ts'
import { type Ballot, compareBallots, formatBallot } from '../protocol/ballot.ts'
import type { Write } from '../protocol/effect.ts'
import type { Entry } from '../protocol/entry.ts'
import type { Epoch } from '../protocol/epoch.ts'
import { firstSlot, type NodeId, type Slot } from '../protocol/ids.ts'
import type { Message, SlotEntry } from '../protocol/multipaxos/message.ts'
import type { SettledLog } from '../protocol/recovery/settle.ts'
import type { PeerMessage } from '../runtime/peer-message.ts'
import type { AcceptorImage } from './acceptor-disk.ts'
import { insist } from './invariant-error.ts'

interface GhostBallot {
  readonly ballot: Ballot
  /** Who ever voted at it durably, by what was voted. */
  readonly votes: Map<number, Set<NodeId>>
}

/** All that ever happened in one slot. */
class GhostSlot {
  /** One proposal for a ballot: invariant 3. */
  readonly proposals = new Map<string, number>()
  readonly ballots = new Map<string, GhostBallot>()
  chosen: number | undefined
}

export interface EpochInvariantsHost {
  /** What this acceptor's disk holds of the epoch. */
  image(node: NodeId): AcceptorImage
  /** A quorum has voted for it, for the first time. */
  onChosen(slot: Slot, entry: Entry): void
  /** In whatever epoch: everything below is chosen. */
  chosenBelow(): Slot
}

export class EpochInvariants {
  readonly #q2: number
  readonly #acceptors: ReadonlySet<NodeId>
  /** Those of them that are not dead. */
  #voters: ReadonlySet<NodeId>
  readonly #host: EpochInvariantsHost
  readonly #slots = new Map<Slot, GhostSlot>()
  /** The highest promise that ever became durable on each node. */
  readonly #promised = new Map<NodeId, Ballot>()
  /** How far each node's log is truncated on disk: now, and when its promise of a ballot was written. */
  readonly #truncated = new Map<NodeId, Slot>()
  readonly #truncatedAtPromise = new Map<string, Slot>()
  /** The slot from which each ballot asked for votes. */
  readonly #prepared = new Map<string, Slot>()
  /** What the parts of the promise that each node is sending reported so far. */
  readonly #said = new Map<NodeId, Set<Slot>>()

  constructor({ members, q2 }: Epoch, host: EpochInvariantsHost) {
    this.#q2 = q2
    this.#acceptors = new Set(members.filter(({ kind }) => kind === 'acceptor').map(({ id }) => id))
    this.#voters = this.#acceptors
    this.#host = host
  }

  chosen(slot: Slot): number | undefined {
    return this.#slots.get(slot)?.chosen
  }

  /** A recovery says what is chosen, whatever was voted there, and the dead vote no more. */
  onRecovered({ from, ballot, entries }: SettledLog, survivors: readonly NodeId[]): void {
    this.#voters = new Set(survivors.filter((node) => this.#acceptors.has(node)))
    for (const node of survivors) this.#promised.set(node, ballot)
    for (const slot of [...this.#slots.keys()]) if (slot >= from) this.#slots.delete(slot)
    for (const { slot, entry } of entries) this.#slot(slot).chosen = entryDigest(entry)
  }

  /** A write became durable on `node`. */
  onDurable(node: NodeId, write: Write): void {
    insist(
      this.#acceptors.has(node) || (write.kind !== 'promise' && (write.kind !== 'vote' || write.chosen)),
      'members of the epoch (19)',
      () => `n${node} is no acceptor of the epoch, and writes a ${write.kind}`,
    )
    if (write.kind === 'promise') {
      const before = this.#promised.get(node)
      insist(
        before === undefined || compareBallots(before, write.ballot) <= 0,
        'promise monotone (1)',
        () => `n${node} went from ${before === undefined ? '' : formatBallot(before)} to ${formatBallot(write.ballot)}`,
      )
      this.#promised.set(node, write.ballot)
      this.#truncatedAtPromise.set(promiseKey(node, write.ballot), this.#truncated.get(node) ?? firstSlot)
      return
    }
    if (write.kind === 'truncate') this.#truncated.set(node, write.upTo)
    if (write.kind !== 'vote' || write.ballot.round === 0) return
    const { slot, ballot, entry, chosen } = write
    const promised = this.#promised.get(node)
    insist(
      promised !== undefined && compareBallots(ballot, promised) <= 0,
      'vote within promise (2)',
      () => `n${node} voted ${slot}@${formatBallot(ballot)} above its promise`,
    )
    // A learned entry keeps the ballot of the vote it replaced; it is no vote at that ballot.
    if (chosen) return
    const ghost = this.#slot(slot)
    const key = ballotKey(ballot)
    const value = entryDigest(entry)
    // A leader's proposal to its own acceptor does not travel.
    if (ballot.node === node) this.#onAccept(ballot, [{ slot, entry }])
    insist(
      ghost.proposals.get(key) === value,
      'votes are for proposals (4)',
      () => `n${node} voted for something in slot ${slot} that nobody proposed at ${formatBallot(ballot)}`,
    )
    let at = ghost.ballots.get(key)
    if (at === undefined) {
      at = { ballot, votes: new Map() }
      ghost.ballots.set(key, at)
    }
    const voters = at.votes.get(value) ?? new Set()
    at.votes.set(value, voters.add(node))
    if (!this.#isPhase2(voters)) return
    insist(
      ghost.chosen === undefined || ghost.chosen === value,
      'agreement (6)',
      () => `two entries are chosen in slot ${slot}, the second at ${formatBallot(ballot)}`,
    )
    if (ghost.chosen === undefined) this.#host.onChosen(slot, entry)
    ghost.chosen = value
  }

  /** A message leaves `from`: what it says must be on disk already. */
  onSend(from: NodeId, message: PeerMessage): void {
    switch (message.kind) {
      case 'accept':
        this.#onAccept(message.ballot, message.entries)
        return
      case 'prepare':
        this.#prepared.set(ballotKey(message.ballot), message.fromSlot)
        return
      case 'promise':
        this.#onPromise(from, message)
        return
      case 'accepted':
        this.#onAccepted(from, message)
        return
      default:
    }
  }

  #onAccept(ballot: Ballot, entries: readonly SlotEntry[]): void {
    for (const { slot, entry } of entries) {
      const ghost = this.#slot(slot)
      const key = ballotKey(ballot)
      const value = entryDigest(entry)
      const known = ghost.proposals.get(key)
      insist(
        known === undefined || known === value,
        'one proposal (3)',
        () => `two entries are proposed in slot ${slot} at ${formatBallot(ballot)}`,
      )
      if (known !== undefined) continue
      ghost.proposals.set(key, value)
      this.#nothingElseChoosable(slot, ghost, ballot, value)
    }
  }

  /**
   * The inductive invariant (5): when an entry is proposed at b, no other can still be chosen below b. An acceptor whose
   * durable promise is at least b has left every lower ballot; the others could still vote there.
   */
  #nothingElseChoosable(slot: Slot, ghost: GhostSlot, ballot: Ballot, value: number): void {
    const open = this.#whoCouldVoteBelow(ballot, false)
    insist(
      !this.#isPhase2(open),
      'no other choosable below (5)',
      () => `slot ${slot} at ${formatBallot(ballot)}: ${[...open].join(',')} never promised it and could choose below`,
    )
    for (const { ballot: lower, votes } of ghost.ballots.values()) {
      if (compareBallots(lower, ballot) >= 0) continue
      const openThere = this.#whoCouldVoteBelow(lower, true)
      for (const [other, voters] of votes) {
        if (other === value) continue
        insist(
          !this.#isPhase2(new Set([...voters, ...openThere])),
          'no other choosable below (5)',
          () =>
            `slot ${slot}: another entry voted at ${formatBallot(lower)} could still be chosen when ${formatBallot(ballot)} proposes`,
        )
      }
    }
  }

  /** Acceptors whose durable promise is below `ballot`, or at it if `atIt`. */
  #whoCouldVoteBelow(ballot: Ballot, atIt: boolean): Set<NodeId> {
    const open = new Set<NodeId>()
    for (const node of this.#voters) {
      const { promised } = this.#host.image(node)
      const order = promised === undefined ? -1 : compareBallots(promised, ballot)
      if (order < 0 || (atIt && order === 0)) open.add(node)
    }
    return open
  }

  #onPromise(from: NodeId, promise: Extract<Message, { kind: 'promise' }>): void {
    const image = this.#host.image(from)
    const { promised } = image
    insist(
      promised !== undefined && compareBallots(promised, promise.ballot) >= 0,
      'durable before said (9)',
      () => `n${from} promises ${formatBallot(promise.ballot)} and has not written it`,
    )
    insist(
      promise.truncatedUpTo <= promise.chosenUpTo,
      'truncated is chosen (10)',
      () => `n${from} truncated ${promise.truncatedUpTo} beyond its chosen ${promise.chosenUpTo}`,
    )
    insist(
      promise.chosenUpTo <= this.#host.chosenBelow(),
      'said chosen is chosen (10)',
      () => `n${from} promises as if everything below ${promise.chosenUpTo} were chosen`,
    )
    this.#leavesNothingOut(from, promise, image)
    for (const { slot, ballot } of promise.votes) {
      const stored = image.votes.get(slot)
      const isGone = slot < image.truncatedUpTo
      insist(
        isGone || (stored !== undefined && compareBallots(stored.ballot, ballot) >= 0),
        'durable before said (9)',
        () => `n${from} reports a vote in slot ${slot} that is not on its disk`,
      )
    }
  }

  /** Invariant 10: what a promise does not report lies below its chosen watermark, or was asked for by nobody. */
  #leavesNothingOut(from: NodeId, promise: Extract<Message, { kind: 'promise' }>, image: AcceptorImage): void {
    // The parts of one answer leave in order. A node that crashed between them begins again when it is asked again.
    const said = promise.part === 0 ? new Set<Slot>() : (this.#said.get(from) ?? new Set<Slot>())
    this.#said.set(from, said)
    for (const { slot } of promise.votes) said.add(slot)
    for (const slot of promise.unknown) said.add(slot)
    if (promise.part + 1 < promise.parts) return
    const first = Math.max(promise.chosenUpTo, this.#prepared.get(ballotKey(promise.ballot)) ?? 0)
    // Several promises may wait for one slow commit, in which the log was truncated as well.
    const truncated = this.#truncatedAtPromise.get(promiseKey(from, promise.ballot)) ?? firstSlot
    insist(
      truncated <= first,
      'promise is whole (10)',
      () => `n${from} promises from slot ${first} on, and truncated everything below ${truncated}`,
    )
    for (const { slot, ballot, chosen } of image.votes.values()) {
      // Votes at its ballot or above, and what was learned, may have come to the disk with the promise, and after it.
      const mayBeLater = chosen || compareBallots(ballot, promise.ballot) >= 0
      insist(
        slot < first || mayBeLater || said.has(slot),
        'promise is whole (10)',
        () => `n${from} promises ${formatBallot(promise.ballot)} and leaves out its vote in slot ${slot}`,
      )
    }
  }

  #onAccepted(from: NodeId, { ballot, ranges }: Extract<Message, { kind: 'accepted' }>): void {
    const image = this.#host.image(from)
    for (const { from: first, to } of ranges) {
      for (let slot = first; slot < to; slot = (slot + 1) as Slot) {
        if (slot < image.truncatedUpTo) continue
        const vote = image.votes.get(slot)
        const ghost = this.#slot(slot)
        // What is chosen for certain needs no vote of its own: a quorum holds it.
        const isChosen = ghost.chosen !== undefined && ghost.chosen === ghost.proposals.get(ballotKey(ballot))
        insist(
          isChosen || (vote !== undefined && compareBallots(vote.ballot, ballot) >= 0),
          'durable before said (9)',
          () => `n${from} accepted ${slot}@${formatBallot(ballot)} and has not written it`,
        )
      }
    }
  }

  #isPhase2(nodes: ReadonlySet<NodeId>): boolean {
    let count = 0
    for (const node of nodes) if (this.#acceptors.has(node)) count++
    return count >= this.#q2
  }

  #slot(slot: Slot): GhostSlot {
    let ghost = this.#slots.get(slot)
    if (ghost === undefined) {
      ghost = new GhostSlot()
      this.#slots.set(slot, ghost)
    }
    return ghost
  }
}

function ballotKey({ round, node, incarnation }: Ballot): string {
  return `${round}.${node}.${incarnation}`
}

function promiseKey(node: NodeId, ballot: Ballot): string {
  return `${node}/${ballotKey(ballot)}`
}

export function entryDigest({ kind, payload }: Entry): number {
  return crc32c(payload, kind.length * 7919 + payload.length)
}
