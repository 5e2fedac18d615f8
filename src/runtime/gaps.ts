import { type Ballot, formatBallot } from '../protocol/ballot.ts'
import type { Epoch } from '../protocol/epoch.ts'
import { quorumsOf } from '../protocol/epoch.ts'
import type { NodeId, Slot } from '../protocol/ids.ts'
import { nextSlot, toSlot } from '../protocol/ids.ts'
import type { SlotRange } from '../protocol/multipaxos/message.ts'
import type { QuorumSystem } from '../protocol/quorum.ts'
import type { AcceptorReport } from './replica-service.ts'
import { type SlotVote, SlotVotes } from './slot-votes.ts'

export type GapClass = 'truncated' | 'unlearned' | 'inFlight' | 'undecided' | 'hole' | 'unknown'

/** Slots in a row of which the same is true. */
export interface GapRow {
  readonly from: Slot
  readonly to: Slot
  readonly class: GapClass
  readonly votes: readonly SlotVote[]
  readonly advice: string
}

export interface GapInput {
  readonly self: NodeId
  readonly epoch: Epoch
  /** Of the acceptors that answered; who is missing did not. */
  readonly reports: readonly AcceptorReport[]
  /** The leader that is alive now, and its ballot. */
  readonly leader: { readonly ballot: Ballot } | undefined
  readonly range: SlotRange
}

export interface GapReport {
  /** Rising. Slots that are chosen here are left out: they are not gaps. */
  readonly rows: readonly GapRow[]
  readonly highestVoted: Slot | undefined
  /** The highest chosen watermark that any member reported. */
  readonly chosenUpTo: Slot
}

/**
 * Says of each slot that this node does not hold chosen why it does not. Advisory: the reports are of different moments,
 * and nothing is decided from them. A missing answer is never taken for "no vote".
 */
export function classifyGaps(input: GapInput): GapReport {
  const rows: GapRow[] = []
  const context = { ...input, quorums: quorumsOf(input.epoch) }
  const slotVotes = new SlotVotes(input.epoch, input.reports)
  const own = input.reports.find((report) => report.node === input.self)
  const highest = Math.max(0, ...input.reports.map((report) => Math.max(report.votedUpTo, report.chosenUpTo)))
  const end = Math.min(input.range.to, highest)

  let slot = input.range.from
  const truncatedUpTo = Math.min(own?.truncatedUpTo ?? 0, end)
  if (slot < truncatedUpTo) {
    const to = toSlot(truncatedUpTo)
    rows.push({ from: slot, to, class: 'truncated', votes: [], advice: advice.truncated })
    slot = to
  }
  for (; slot < end; slot = nextSlot(slot)) {
    const votes = slotVotes.of(slot)
    const gap = classify(slot, votes, own, context)
    if (gap !== undefined) append(rows, slot, gap, votes)
  }
  const voted = Math.max(0, ...input.reports.map((report) => report.votedUpTo))
  const chosenUpTo = toSlot(Math.max(0, ...input.reports.map((report) => report.chosenUpTo)))
  return { rows, highestVoted: voted === 0 ? undefined : toSlot(voted - 1), chosenUpTo }
}

interface Context extends GapInput {
  readonly quorums: QuorumSystem
}

/** The class of a slot, or undefined when it is chosen here. */
function classify(
  slot: Slot,
  votes: readonly SlotVote[],
  own: AcceptorReport | undefined,
  { self, reports, quorums, leader }: Context,
): GapClass | undefined {
  if (own !== undefined && slot < own.chosenUpTo) return undefined
  if (votes.some((vote) => vote.node === self && vote.state === 'chosen')) return undefined
  if (reports.some((report) => slot < report.chosenUpTo || slot < report.truncatedUpTo)) return 'unlearned'
  if (votes.some((vote) => vote.state === 'chosen') || hasChoosingQuorum(votes, quorums)) return 'unlearned'

  const voted = votes.filter((vote) => vote.state === 'voted')
  if (leader !== undefined && voted.some((vote) => vote.ballot === formatBallot(leader.ballot))) return 'inFlight'
  // Fewer than a phase-1 quorum proves nothing: a vote, or a chosen value, may hide behind the silence.
  const definite = votes.filter((vote) => vote.state !== 'noAnswer' && vote.state !== 'unknown')
  if (!quorums.isPhase1(new Set(definite.map((vote) => vote.node)))) return 'unknown'
  return voted.length > 0 ? 'undecided' : 'hole'
}

/** Votes at one ballot by a phase-2 quorum: chosen, whoever knows it. */
function hasChoosingQuorum(votes: readonly SlotVote[], quorums: QuorumSystem): boolean {
  const byBallot = new Map<string, Set<NodeId>>()
  for (const vote of votes) {
    if (vote.state !== 'voted' || vote.ballot === undefined) continue
    const nodes = byBallot.get(vote.ballot) ?? new Set()
    byBallot.set(vote.ballot, nodes.add(vote.node))
  }
  return [...byBallot.values()].some((nodes) => quorums.isPhase2(nodes))
}

function append(rows: GapRow[], slot: Slot, gap: GapClass, votes: readonly SlotVote[]): void {
  const last = rows.at(-1)
  const to = nextSlot(slot)
  if (last !== undefined && last.to === slot && last.class === gap && sameVotes(last.votes, votes)) {
    rows[rows.length - 1] = { ...last, to }
  } else {
    rows.push({ from: slot, to, class: gap, votes, advice: advice[gap] })
  }
}

function sameVotes(a: readonly SlotVote[], b: readonly SlotVote[]): boolean {
  return a.length === b.length && a.every((vote, i) => vote.state === b[i]?.state && vote.ballot === b[i]?.ballot)
}

const advice: Readonly<Record<GapClass, string>> = {
  truncated: 'Not a gap: chosen, applied and truncated here.',
  unlearned: 'Chosen elsewhere: this node fetches it by catch-up. Wait, and check the link to its peers if it stays.',
  inFlight: 'The leader is at work on it. Wait.',
  undecided: 'Voted for by earlier leaders only. The next leader finishes it in its phase 1.',
  hole: 'A phase-1 quorum holds no vote. The next leader fills it with a no-op in its phase 1.',
  unknown: 'Fewer than a phase-1 quorum answered, so nothing is proven. Bring members back, then ask again.',
}
