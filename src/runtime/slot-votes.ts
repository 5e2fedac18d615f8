import { acceptorIds, type Epoch } from '../protocol/epoch.ts'
import type { NodeId, Slot } from '../protocol/ids.ts'
import type { SlotReport } from './peer-message.ts'
import type { AcceptorReport } from './replica-service.ts'

/** What one acceptor said of a slot. `none` is a definite "no vote"; `unknown` and `noAnswer` are not. */
export interface SlotVote {
  readonly node: NodeId
  readonly state: 'chosen' | 'voted' | 'none' | 'unknown' | 'truncated' | 'noAnswer'
  /** `round.node` of the vote. */
  readonly ballot: string | undefined
}

/** What each acceptor of an epoch said of a slot. */
export class SlotVotes {
  readonly #acceptors: readonly NodeId[]
  readonly #reports: ReadonlyMap<NodeId, AcceptorReport>
  readonly #slots: ReadonlyMap<NodeId, ReadonlyMap<Slot, SlotReport>>

  /** `reports`: of the acceptors that answered; who is missing did not. */
  constructor(epoch: Epoch, reports: readonly AcceptorReport[]) {
    this.#acceptors = [...acceptorIds(epoch)].sort((a, b) => a - b)
    this.#reports = new Map(reports.map((report) => [report.node, report]))
    this.#slots = new Map(reports.map(({ node, slots }) => [node, new Map(slots.map((each) => [each.slot, each]))]))
  }

  /** By rising ids. */
  of(slot: Slot): readonly SlotVote[] {
    return this.#acceptors.map((node) => this.#voteOf(node, slot))
  }

  #voteOf(node: NodeId, slot: Slot): SlotVote {
    const report = this.#reports.get(node)
    if (report === undefined) return { node, state: 'noAnswer', ballot: undefined }
    if (slot < report.truncatedUpTo) return { node, state: 'truncated', ballot: undefined }
    const said = this.#slots.get(node)?.get(slot)
    if (said === undefined) return { node, state: 'none', ballot: undefined }
    // Of what was learned without a vote, and of what cannot be read, there is no ballot.
    const ballot = said.round === 0 ? undefined : `${said.round}.${said.node}`
    return { node, state: said.state, ballot }
  }
}
