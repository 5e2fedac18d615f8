/**
 * What no node can know: every proposal that can still be chosen, who ever voted for it durably, and what is chosen.
 * A proposal that too many acceptors have promised to refuse can never be chosen, and is forgotten: so states that
 * differ only in dead history are one. Checked here (protocols 16):
 *
 * 3. one ballot proposes at most one entry in a slot.
 * 4. a vote is for the proposal of its ballot.
 * 5. what is proposed at a ballot excludes that another entry is chosen at a lower one.
 * 6. one chosen entry in a slot.
 * 8, 10. what is learned, or told as chosen, is chosen.
 * 18. nothing is chosen above a chosen stop sign.
 */
import { type Ballot, compareBallots, formatBallot, sameBallot } from '../../src/protocol/ballot.ts'
import type { NodeId } from '../../src/protocol/ids.ts'
import { type Fact, stopSignLetter } from './node.ts'
import { type Renaming, textOf } from './structure.ts'
import { insist } from './violation.ts'

interface Proposal {
  readonly ballot: Ballot
  readonly entry: string
  readonly voters: ReadonlySet<NodeId>
}

interface GhostSlot {
  /** The entry, and the lowest ballot known to have chosen it. */
  readonly chosen: { readonly entry: string; readonly ballot: Ballot } | undefined
  readonly open: readonly Proposal[]
}

export interface Ghost {
  readonly slots: readonly GhostSlot[]
}

/** Durable promises of all acceptors. */
export type Promises = ReadonlyMap<NodeId, Ballot | undefined>

export function emptyGhost(slots: number): Ghost {
  return { slots: Array.from({ length: slots }, () => ({ chosen: undefined, open: [] })) }
}

export function textOfGhost(ghost: Ghost, rename: Renaming): string {
  return textOf(ghost.slots, rename)
}

/** Throws a Violation at the first fact that breaks an invariant. `q2` is counted here, not by the code under test. */
export function judge(ghost: Ghost, facts: readonly Fact[], promises: Promises, q2: number): Ghost {
  const slots = [...ghost.slots]
  for (const fact of facts) {
    if (fact.kind === 'decided') {
      for (let slot = fact.from as number; slot < fact.upTo; slot++) {
        insist(slots[slot]?.chosen !== undefined, () => `${fact.who} that slot ${slot} is chosen, but it is open`)
      }
      continue
    }
    const slot = slots[fact.slot]
    insist(slot !== undefined, () => `slot ${fact.slot} is outside the scope`)
    if (fact.kind === 'chosen') {
      insist(
        slot.chosen?.entry === fact.entry,
        () => `${fact.who} ${fact.entry} in slot ${fact.slot}, where ${slot.chosen?.entry ?? 'nothing'} is chosen`,
      )
    } else if (fact.kind === 'propose') slots[fact.slot] = propose(slot, fact, promises, q2)
    else slots[fact.slot] = vote(slot, fact, promises, q2)
  }
  checkEnd(slots)
  return { slots: slots.map((slot) => prune(slot, promises, q2)) }
}

function checkEnd(slots: readonly GhostSlot[]): void {
  const end = slots.findIndex(({ chosen }) => chosen?.entry.startsWith(stopSignLetter) === true)
  if (end === -1) return
  const above = slots.findIndex(({ chosen }, slot) => slot > end && chosen !== undefined)
  insist(
    above === -1,
    () => `${slots[above]?.chosen?.entry} is chosen in slot ${above}, above the stop sign in slot ${end}`,
  )
}

function propose(slot: GhostSlot, fact: Extract<Fact, { kind: 'propose' }>, promises: Promises, q2: number): GhostSlot {
  const { ballot, entry } = fact
  const name = `${entry} proposed in slot ${fact.slot} at ${formatBallot(ballot)}`
  const known = slot.open.find((proposal) => sameBallot(proposal.ballot, ballot))
  insist(known === undefined || known.entry === entry, () => `${name}, where that ballot proposed ${known?.entry}`)
  if (known !== undefined) return slot
  const proposal: Proposal = { ballot, entry, voters: new Set() }
  if (slot.chosen !== undefined && slot.chosen.entry !== entry) {
    const { chosen } = slot
    insist(compareBallots(ballot, chosen.ballot) < 0, () => `${name}, but ${chosen.entry} is chosen below`)
    insist(!isChoosable(proposal, promises, q2), () => `${name} can be chosen, but ${chosen.entry} is`)
  }
  for (const other of slot.open) {
    if (other.entry === entry) continue
    const lower = compareBallots(other.ballot, ballot) < 0 ? other : proposal
    insist(!isChoosable(lower, promises, q2), () => `${name}, but ${lower.entry} can still be chosen below`)
  }
  const open = [...slot.open, proposal].sort((a, b) => compareBallots(a.ballot, b.ballot))
  return { ...slot, open }
}

function vote(slot: GhostSlot, fact: Extract<Fact, { kind: 'vote' }>, promises: Promises, q2: number): GhostSlot {
  const { node, ballot, entry, slot: at } = fact
  let { chosen } = slot
  const isProposed = chosen?.entry === entry || slot.open.some((proposal) => sameBallot(proposal.ballot, ballot))
  insist(
    isProposed || !isChoosable({ ballot, entry, voters: new Set([node]) }, promises, q2),
    () => `n${node} votes ${entry} in slot ${at} at ${formatBallot(ballot)}, which nobody proposed`,
  )
  const open = slot.open.map((proposal) => {
    if (!sameBallot(proposal.ballot, ballot)) return proposal
    insist(
      proposal.entry === entry,
      () => `n${node} votes ${entry} in slot ${at} at ${formatBallot(ballot)}, which proposed ${proposal.entry}`,
    )
    const voters = new Set(proposal.voters).add(node)
    if (voters.size >= q2) {
      insist(
        chosen === undefined || chosen.entry === entry,
        () => `slot ${at} has two chosen entries: ${chosen?.entry} and ${entry}`,
      )
      if (chosen === undefined || compareBallots(ballot, chosen.ballot) < 0) chosen = { entry, ballot }
    }
    return { ...proposal, voters }
  })
  return { chosen, open }
}

/** Enough acceptors voted for it, or can still vote for it. */
function isChoosable({ ballot, voters }: Proposal, promises: Promises, q2: number): boolean {
  let able = 0
  for (const [node, promised] of promises) {
    if (voters.has(node) || promised === undefined || compareBallots(promised, ballot) <= 0) able++
  }
  return able >= q2
}

function prune(slot: GhostSlot, promises: Promises, q2: number): GhostSlot {
  const open = slot.open.filter(
    (proposal) => proposal.entry !== slot.chosen?.entry && isChoosable(proposal, promises, q2),
  )
  return open.length === slot.open.length ? slot : { ...slot, open }
}
