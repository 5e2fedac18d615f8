/**
 * Phase 1 of one ballot over all open slots: collects promises and finds the entry that each slot must get.
 *
 * - a promise counts only with all its parts, of one attempt.
 * - a slot whose vote some acceptor could not read is settled only by a phase-1 quorum of others, or by somebody who
 *   knows what was chosen there: "unknown" is not "no vote" (protocols 2.4).
 * - the entry of the highest ballot wins; a slot without votes in a phase-1 quorum gets a no-op.
 *   (Paxos Made Simple, sections 2.2 and 3.)
 * - a stop sign is void, and its slot free, when a slot above it has a vote of a ballot as high: then it was not chosen and
 *   can not be any more. A stop sign that stands is the last thing to be proposed.
 *   (Stoppable Paxos, Malkhi, Lamport and Zhou 2008, section 4; T15, T16.)
 */
import { assert } from '../../base/assert.ts'
import { type Ballot, compareBallots, sameBallot } from '../ballot.ts'
import { noop, sameEntry } from '../entry.ts'
import type { NodeId, Slot } from '../ids.ts'
import type { QuorumSystem } from '../quorum.ts'
import type { Message, SlotEntry, Vote } from './message.ts'

type Promise_ = Extract<Message, { kind: 'promise' }>

interface Collected {
  attempt: number
  readonly parts: Map<number, Promise_>
}

export interface PhaseOneResult {
  /** Everything below is chosen, as `source` knows. */
  readonly chosenUpTo: Slot
  readonly source: NodeId
  /** What to propose, one for each slot from `chosenUpTo` on without a gap. */
  readonly proposals: readonly SlotEntry[]
}

export class PhaseOne {
  readonly ballot: Ballot
  readonly fromSlot: Slot
  readonly #quorums: QuorumSystem
  readonly #collected = new Map<NodeId, Collected>()

  constructor(ballot: Ballot, fromSlot: Slot, quorums: QuorumSystem) {
    this.ballot = ballot
    this.fromSlot = fromSlot
    this.#quorums = quorums
  }

  onPromise(from: NodeId, promise: Promise_): void {
    assert(sameBallot(promise.ballot, this.ballot), 'a promise of another ballot')
    let collected = this.#collected.get(from)
    if (collected !== undefined && isComplete(collected)) return
    // Two answers to one attempt, of an acceptor that was restarted between them, say different things of the same: then the parts
    // that come last count.
    const isOther = collected !== undefined && promise.attempt === collected.attempt && !isPartOf(promise, collected)
    if (collected === undefined || promise.attempt > collected.attempt || isOther) {
      collected = { attempt: promise.attempt, parts: new Map() }
      this.#collected.set(from, collected)
    }
    if (promise.attempt === collected.attempt) collected.parts.set(promise.part, promise)
  }

  hasPromised(node: NodeId): boolean {
    const collected = this.#collected.get(node)
    return collected !== undefined && isComplete(collected)
  }

  /** Undefined until the promises suffice. */
  result(): PhaseOneResult | undefined {
    const promised = new Set<NodeId>()
    const promises: { node: NodeId; promise: Promise_ }[] = []
    for (const [node, collected] of this.#collected) {
      if (!isComplete(collected)) continue
      promised.add(node)
      for (const promise of collected.parts.values()) promises.push({ node, promise })
    }
    if (!this.#quorums.isPhase1(promised)) return undefined

    let chosenUpTo = this.fromSlot
    let source: NodeId = this.ballot.node
    for (const { node, promise } of promises) {
      if (promise.chosenUpTo > chosenUpTo) {
        chosenUpTo = promise.chosenUpTo
        source = node
      }
    }
    const best = new Map<Slot, Vote>()
    const unknown = new Map<Slot, Set<NodeId>>()
    let end = chosenUpTo
    for (const { node, promise } of promises) {
      for (const vote of promise.votes) {
        if (vote.slot < chosenUpTo) {
          assert(
            !vote.chosen || vote.entry.kind !== 'stopSign',
            'slot %s ended the epoch below %s',
            vote.slot,
            chosenUpTo,
          )
          continue
        }
        best.set(vote.slot, stronger(best.get(vote.slot), vote))
        end = Math.max(end, vote.slot + 1) as Slot
      }
      for (const slot of promise.unknown) {
        if (slot < chosenUpTo) continue
        const nodes = unknown.get(slot) ?? new Set()
        unknown.set(slot, nodes.add(node))
        end = Math.max(end, slot + 1) as Slot
      }
    }
    for (const [slot, nodes] of unknown) {
      if (best.get(slot)?.chosen === true) continue
      const known = new Set([...promised].filter((node) => !nodes.has(node)))
      if (!this.#quorums.isPhase1(known)) return undefined
    }
    const proposals: SlotEntry[] = []
    const upTo = settleStopSigns(best, chosenUpTo, end)
    for (let slot = chosenUpTo; slot < upTo; slot = (slot + 1) as Slot) {
      proposals.push({ slot, entry: best.get(slot)?.entry ?? noop })
    }
    return { chosenUpTo, source, proposals }
  }
}

/** Drops void stop signs from `best`. Returns where proposing ends: above the lowest stop sign that stands, if there is one. */
function settleStopSigns(best: Map<Slot, Vote>, from: Slot, end: Slot): Slot {
  let upTo = end
  let above: Vote | undefined
  for (let slot = (end - 1) as Slot; slot >= from; slot = (slot - 1) as Slot) {
    const vote = best.get(slot)
    if (vote === undefined) continue
    if (vote.entry.kind === 'stopSign') {
      assert(!vote.chosen || above?.chosen !== true, 'slot %s ends the epoch, and another is chosen above it', slot)
      if (above === undefined || isWeaker(above, vote)) upTo = (slot + 1) as Slot
      else best.delete(slot)
    }
    if (above === undefined || isWeaker(above, vote)) above = vote
  }
  return upTo
}

/** What is chosen is as good as voted for at the highest ballot of all. */
function isWeaker(a: Vote, b: Vote): boolean {
  if (a.chosen || b.chosen) return !a.chosen
  return compareBallots(a.ballot, b.ballot) < 0
}

function isPartOf({ parts, chosenUpTo, truncatedUpTo }: Promise_, collected: Collected): boolean {
  const first = collected.parts.values().next().value
  if (first === undefined) return true
  return parts === first.parts && chosenUpTo === first.chosenUpTo && truncatedUpTo === first.truncatedUpTo
}

function isComplete({ parts }: Collected): boolean {
  const first = parts.values().next().value
  return first !== undefined && parts.size === first.parts
}

function stronger(a: Vote | undefined, b: Vote): Vote {
  if (a === undefined) return b
  if (a.chosen || b.chosen) {
    if (a.chosen && b.chosen) assert(sameEntry(a.entry, b.entry), 'two chosen entries in slot %s', a.slot)
    return a.chosen ? a : b
  }
  const order = compareBallots(a.ballot, b.ballot)
  if (order === 0) assert(sameEntry(a.entry, b.entry), 'two entries at one ballot in slot %s', a.slot)
  return order >= 0 ? a : b
}
