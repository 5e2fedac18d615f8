/**
 * What the votes that are left prove of one slot.
 *
 * Let b be the highest ballot of a vote that can be read, v its entry, V those who voted for it. Silent are the dead, and those
 * whose vote in the slot cannot be read.
 * - below b nothing but v can have been chosen: whoever proposed v had a phase-1 quorum, which meets every phase-2 quorum.
 * - v was chosen if a phase-2 quorum voted for it at one ballot. It may have been if the silent and all whose vote is for v, at
 *   whatever ballot, are one: whoever voted at b may have voted for v below b before, and only the last vote is on a disk.
 * - something else can only have been chosen above b, by votes of the silent alone. Its leader needed a phase-1 quorum that
 *   did not tell it of v: the silent, and others who promised something above b and are not in V.
 */
import { type Ballot, compareBallots, zeroBallot } from '../ballot.ts'
import { sameEntry } from '../entry.ts'
import { acceptorIds, type Epoch, quorumsOf } from '../epoch.ts'
import type { NodeId, Slot } from '../ids.ts'
import type { Vote } from '../multipaxos/message.ts'
import type { QuorumSystem } from '../quorum.ts'
import type { Survivor, SurvivorLog } from './survivor.ts'

export interface SlotEvidence {
  /** The vote of the highest ballot, or one that is known chosen. */
  readonly strongest: Vote | undefined
  readonly voters: readonly NodeId[]
  readonly isChosen: boolean
  /** Not ruled out. */
  readonly mayBeChosen: boolean
  /** Not ruled out that something else was chosen, which nobody who is left voted for. */
  readonly mayDiffer: boolean
  /** The silent are a phase-2 quorum by themselves. */
  readonly silentSuffice: boolean
}

export class Evidence {
  readonly #acceptors: ReadonlySet<NodeId>
  readonly #quorums: QuorumSystem
  readonly #zero: Ballot
  readonly #logs: ReadonlyMap<NodeId, SurvivorLog | undefined>
  readonly #votes = new Map<Slot, { readonly node: NodeId; readonly vote: Vote }[]>()
  readonly #unknown = new Map<NodeId, ReadonlySet<Slot>>()
  /** One above the highest slot of which anything is left. */
  readonly end: number

  constructor(epoch: Epoch, survivors: readonly Survivor[]) {
    this.#acceptors = acceptorIds(epoch)
    this.#quorums = quorumsOf(epoch)
    this.#zero = zeroBallot(epoch.number)
    this.#logs = new Map(survivors.map(({ id, logs }) => [id, logs.find((log) => log.epoch === epoch.number)]))
    let end = 0
    for (const [node, log] of this.#logs) {
      for (const slot of log?.unknown ?? []) end = Math.max(end, slot + 1)
      this.#unknown.set(node, new Set(log?.unknown))
      for (const vote of log?.votes ?? []) {
        // A learner does not vote; what it has learned is chosen all the same.
        if (!vote.chosen && !this.#acceptors.has(node)) continue
        const others = this.#votes.get(vote.slot) ?? []
        this.#votes.set(vote.slot, [...others, { node, vote }])
        end = Math.max(end, vote.slot + 1)
      }
    }
    this.end = end
  }

  votesOf(slot: Slot): readonly Vote[] {
    return (this.#votes.get(slot) ?? []).map(({ vote }) => vote)
  }

  of(slot: Slot): SlotEvidence {
    const votes = this.#votes.get(slot) ?? []
    const chosen = votes.find(({ vote }) => vote.chosen)?.vote
    const strongest = chosen ?? votes.map(({ vote }) => vote).reduce<Vote | undefined>(stronger, undefined)
    const ballot = strongest?.ballot ?? this.#zero
    const votersAt = (at: Ballot): ReadonlySet<NodeId> => {
      const those = votes.filter(({ vote }) => !vote.chosen && compareBallots(vote.ballot, at) === 0)
      return new Set(those.map(({ node }) => node))
    }
    const voting = votersAt(ballot)
    const agreeing = votes.filter(({ vote }) => strongest !== undefined && sameEntry(vote.entry, strongest.entry))
    const silent = new Set([...this.#acceptors].filter((node) => this.#isSilent(node, slot)))
    const isChosen = chosen !== undefined || votes.some(({ vote }) => this.#quorums.isPhase2(votersAt(vote.ballot)))
    return {
      strongest,
      voters: chosen === undefined ? [...voting] : [],
      isChosen,
      mayBeChosen: isChosen || this.#quorums.isPhase2(new Set([...agreeing.map(({ node }) => node), ...silent])),
      mayDiffer: !isChosen && this.#mayDiffer(silent, voting, ballot),
      silentSuffice: this.#quorums.isPhase2(silent),
    }
  }

  #mayDiffer(silent: ReadonlySet<NodeId>, voters: ReadonlySet<NodeId>, ballot: Ballot): boolean {
    const untold = [...this.#acceptors].filter((node) => {
      const promised = this.#logs.get(node)?.promised
      return promised !== undefined && compareBallots(promised, ballot) > 0 && !voters.has(node)
    })
    return this.#quorums.isPhase2(silent) && this.#quorums.isPhase1(new Set([...silent, ...untold]))
  }

  #isSilent(node: NodeId, slot: Slot): boolean {
    return !this.#logs.has(node) || this.#unknown.get(node)?.has(slot) === true
  }
}

function stronger(a: Vote | undefined, b: Vote): Vote {
  return a === undefined || compareBallots(a.ballot, b.ballot) < 0 ? b : a
}
