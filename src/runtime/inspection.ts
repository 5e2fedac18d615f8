import { isZeroBallot } from '../protocol/ballot.ts'
import type { Engine } from '../protocol/engine.ts'
import type { NodeId, Slot } from '../protocol/ids.ts'
import type { SlotRange } from '../protocol/multipaxos/message.ts'
import type { SurvivorLog } from '../protocol/recovery/survivor.ts'
import type { OpenEpoch } from './epochs.ts'
import type { RuntimeMessage, SlotReport } from './peer-message.ts'
import { Poll } from './poll.ts'
import type { AcceptorReport, LogLine } from './replica-service.ts'

type Inspect = Extract<RuntimeMessage, { kind: 'inspect' }>
type InspectReply = Extract<RuntimeMessage, { kind: 'inspectReply' }>

/** Slots that one inspection covers; more is cut off. */
const slotsMax = 10_000

/** Asks every member what its acceptor holds. For people to read: nothing is decided from the answers. */
export class Inspection {
  readonly #poll = new Poll<AcceptorReport>()

  ask(
    own: AcceptorReport,
    members: number,
    deadline: number,
    done: (reports: readonly AcceptorReport[]) => void,
  ): number {
    return this.#poll.ask(new Map([[own.node, own]]), members, deadline, (reports) => done([...reports.values()]))
  }

  onReply(from: NodeId, reply: InspectReply): void {
    this.#poll.onAnswer(from, reply.id, {
      node: from,
      truncatedUpTo: reply.truncatedUpTo,
      chosenUpTo: reply.chosenUpTo,
      votedUpTo: reply.votedUpTo,
      promised: { round: reply.promisedRound, node: reply.promisedNode },
      slots: reply.slots,
    })
  }

  onTick(now: number): void {
    this.#poll.onTick(now)
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

/** What another member is told of it. */
export function replyTo(self: NodeId, engine: Engine, { id, range }: Inspect): InspectReply {
  const { truncatedUpTo, chosenUpTo, votedUpTo, promised, slots } = reportOf(self, engine, range)
  const [promisedRound, promisedNode] = [promised.round, promised.node]
  return { kind: 'inspectReply', id, truncatedUpTo, chosenUpTo, votedUpTo, promisedRound, promisedNode, slots }
}

/** What a recovery is planned from: all that this node holds of the epochs in which it takes part. */
export function survivorLogs(open: readonly OpenEpoch[]): readonly SurvivorLog[] {
  return open.map(({ epoch, engine }) => {
    const { promised, truncatedUpTo, chosenUpTo, votedUpTo: to } = engine.status()
    return {
      epoch: epoch.number,
      promised: isZeroBallot(promised) ? undefined : promised,
      ...{ truncatedUpTo, chosenUpTo, heldUpTo: chosenUpTo },
      votes: engine.votes({ from: chosenUpTo, to }),
      unknown: engine.unknownSlots({ from: chosenUpTo, to }),
    }
  })
}

/** The log of this node in the range and in one epoch, one line a slot. What came before all open epochs is truncated. */
export function logLines({ epoch, engine }: OpenEpoch, next: OpenEpoch | undefined, range: SlotRange): LogLine[] {
  const { truncatedUpTo, chosenUpTo, votedUpTo } = engine.status()
  const end = next === undefined ? votedUpTo : next.epoch.startSlot
  const to = Math.min(range.to, end, range.from + slotsMax) as SlotRange['to']
  const votes = new Map(engine.votes({ from: range.from, to }).map((vote) => [vote.slot, vote]))
  const unknown = new Set(engine.unknownSlots({ from: range.from, to }))
  const lines: LogLine[] = []
  const none = { epoch: epoch.number, ballot: undefined, entry: undefined }
  for (let slot = Math.max(range.from, epoch.startSlot) as Slot; slot < to; slot = (slot + 1) as Slot) {
    const vote = votes.get(slot)
    if (slot < truncatedUpTo) lines.push({ slot, state: 'truncated', ...none })
    else if (unknown.has(slot)) lines.push({ slot, state: 'unknown', ...none })
    else if (vote === undefined) lines.push({ slot, state: 'missing', ...none })
    else {
      const state = vote.chosen || slot < chosenUpTo ? 'chosen' : 'voted'
      const ballot = { round: vote.ballot.round, node: vote.ballot.node }
      lines.push({ slot, epoch: epoch.number, state, ballot, entry: vote.entry })
    }
  }
  return lines
}
