import type { Epoch } from '../../protocol/epoch.ts'
import { nextSlot } from '../../protocol/ids.ts'
import type { SlotRange } from '../../protocol/multipaxos/message.ts'
import type { AcceptorReport } from '../../runtime/replica-service.ts'
import { type SlotVote, SlotVotes } from '../../runtime/slot-votes.ts'
import type { GapVoteJson, SlotVotesJson } from '../../wire/api-types.ts'

export interface VotesInput {
  readonly group: string
  readonly epoch: Epoch
  readonly range: SlotRange
  readonly reports: readonly AcceptorReport[]
}

export function slotVotesJson({ group, epoch, range, reports }: VotesInput): SlotVotesJson {
  const votes = new SlotVotes(epoch, reports)
  const slots: SlotVotesJson['slots'][number][] = []
  for (let slot = range.from; slot < range.to; slot = nextSlot(slot)) {
    slots.push({ slot, votes: votesJson(epoch, votes.of(slot)) })
  }
  return { group, epoch: epoch.number, ...heardJson(epoch, reports), slots }
}

/** Which acceptors answered, by name. */
export function heardJson(
  { members }: Epoch,
  reports: readonly AcceptorReport[],
): { readonly answered: string[]; readonly silent: string[] } {
  const heard = new Set(reports.map(({ node }) => node))
  const acceptors = members.filter(({ kind }) => kind === 'acceptor')
  return {
    answered: acceptors.filter(({ id }) => heard.has(id)).map(({ name }) => name),
    silent: acceptors.filter(({ id }) => !heard.has(id)).map(({ name }) => name),
  }
}

export function votesJson({ members }: Epoch, votes: readonly SlotVote[]): GapVoteJson[] {
  return votes.map(({ node, state, ballot }) => ({
    member: members.find(({ id }) => id === node)?.name ?? String(node),
    state,
    ballot: ballot ?? null,
  }))
}
