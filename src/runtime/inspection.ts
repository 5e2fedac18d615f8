import type { Engine } from '../protocol/engine.ts'
import type { NodeId } from '../protocol/ids.ts'
import type { SlotRange } from '../protocol/multipaxos/message.ts'
import type { RuntimeMessage, SlotReport } from './peer-message.ts'
import type { AcceptorReport, LogLine } from './replica-service.ts'

type InspectReply = Extract<RuntimeMessage, { kind: 'inspectReply' }>

/** Slots that one inspection covers; more is cut off. */
const slotsMax = 10_000

interface Question {
  readonly reports: Map<NodeId, AcceptorReport>
  readonly wanted: number
  readonly deadline: number
  readonly done: (reports: readonly AcceptorReport[]) => void
}

/** Asks every member what its acceptor holds. For people to read: nothing is decided from the answers. */
export class Inspection {
  readonly #questions = new Map<number, Question>()
  #id = 0

  ask(own: AcceptorReport, members: number, deadline: number, done: Question['done']): number {
    this.#id++
    this.#questions.set(this.#id, { reports: new Map([[own.node, own]]), wanted: members, deadline, done })
    this.#settle(this.#id)
    return this.#id
  }

  onReply(from: NodeId, reply: InspectReply): void {
    this.#questions.get(reply.id)?.reports.set(from, {
      node: from,
      truncatedUpTo: reply.truncatedUpTo,
      chosenUpTo: reply.chosenUpTo,
      votedUpTo: reply.votedUpTo,
      promised: { round: reply.promisedRound, node: reply.promisedNode },
      slots: reply.slots,
    })
    this.#settle(reply.id)
  }

  onTick(now: number): void {
    for (const [id, question] of this.#questions) {
      if (question.deadline > now) continue
      this.#questions.delete(id)
      question.done([...question.reports.values()])
    }
  }

  #settle(id: number): void {
    const question = this.#questions.get(id)
    if (question === undefined || question.reports.size < question.wanted) return
    this.#questions.delete(id)
    question.done([...question.reports.values()])
  }
}

/** What this node's acceptor holds in the range. */
export function reportOf(self: NodeId, engine: Engine, range: SlotRange): AcceptorReport {
  const { truncatedUpTo, chosenUpTo, votedUpTo, promised } = engine.status()
  const to = Math.min(range.to, range.from + slotsMax) as SlotRange['to']
  const slots: SlotReport[] = engine.votes({ from: range.from, to }).map(({ slot, ballot, chosen }) => ({
    slot,
    state: chosen || slot < chosenUpTo ? 'chosen' : 'voted',
    round: ballot.round,
    node: ballot.node,
  }))
  for (const slot of engine.unknownSlots({ from: range.from, to }))
    slots.push({ slot, state: 'unknown', round: 0, node: 0 })
  slots.sort((a, b) => a.slot - b.slot)
  return {
    node: self,
    truncatedUpTo,
    chosenUpTo,
    votedUpTo,
    promised: { round: promised.round, node: promised.node },
    slots,
  }
}

/** The log of this node in the range, one line a slot. */
export function logLines(engine: Engine, range: SlotRange): LogLine[] {
  const { truncatedUpTo, chosenUpTo, votedUpTo } = engine.status()
  const to = Math.min(range.to, votedUpTo, range.from + slotsMax) as SlotRange['to']
  const votes = new Map(engine.votes({ from: range.from, to }).map((vote) => [vote.slot, vote]))
  const unknown = new Set(engine.unknownSlots({ from: range.from, to }))
  const lines: LogLine[] = []
  for (let slot = range.from; slot < to; slot = (slot + 1) as typeof slot) {
    const vote = votes.get(slot)
    if (slot < truncatedUpTo) lines.push({ slot, state: 'truncated', ballot: undefined, entry: undefined })
    else if (unknown.has(slot)) lines.push({ slot, state: 'unknown', ballot: undefined, entry: undefined })
    else if (vote === undefined) lines.push({ slot, state: 'missing', ballot: undefined, entry: undefined })
    else {
      const state = vote.chosen || slot < chosenUpTo ? 'chosen' : 'voted'
      lines.push({ slot, state, ballot: { round: vote.ballot.round, node: vote.ballot.node }, entry: vote.entry })
    }
  }
  return lines
}
