import type { NodeId } from '../../protocol/ids.ts'
import { classifyGaps, type GapInput } from '../../runtime/gaps.ts'
import type { GapsJson } from '../../wire/api-types.ts'

/** `to` is the end that was asked for; `more` when there are slots between it and that of the range. */
export function gapsJson(
  input: GapInput & { readonly group: string },
  to: number | undefined,
  more: boolean,
): GapsJson {
  const { group, epoch, range, reports } = input
  const { rows, highestVoted, chosenUpTo } = classifyGaps(input)
  const answered = new Set(reports.map(({ node }) => node))
  const acceptors = epoch.members.filter(({ kind }) => kind === 'acceptor')
  const heard = acceptors.filter(({ id }) => answered.has(id)).map(({ name }) => name)
  const nameOf = (node: NodeId): string => epoch.members.find(({ id }) => id === node)?.name ?? String(node)
  return {
    group,
    epoch: epoch.number,
    from: range.from,
    to: range.to,
    more,
    answered: heard,
    silent: acceptors.filter(({ id }) => !answered.has(id)).map(({ name }) => name),
    // What is chosen needs no quorum to be known.
    known: heard.length >= epoch.q1 || (to !== undefined && to <= chosenUpTo),
    highestVoted: highestVoted ?? null,
    chosenUpTo,
    rows: rows.map((row) => ({
      ...row,
      votes: row.votes.map(({ node, state, ballot }) => ({ member: nameOf(node), state, ballot: ballot ?? null })),
    })),
  }
}
