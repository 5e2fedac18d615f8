import { classifyGaps, type GapInput } from '../../runtime/gaps.ts'
import type { GapsJson } from '../../wire/api-types.ts'
import { heardJson, votesJson } from './slot-votes-json.ts'

/** `to` is the end that was asked for; `more` when there are slots between it and that of the range. */
export function gapsJson(
  input: GapInput & { readonly group: string },
  to: number | undefined,
  more: boolean,
): GapsJson {
  const { group, epoch, range, reports } = input
  const { rows, highestVoted, chosenUpTo } = classifyGaps(input)
  const heard = heardJson(epoch, reports)
  return {
    group,
    epoch: epoch.number,
    from: range.from,
    to: range.to,
    more,
    ...heard,
    // What is chosen needs no quorum to be known.
    known: heard.answered.length >= epoch.q1 || (to !== undefined && to <= chosenUpTo),
    highestVoted: highestVoted ?? null,
    chosenUpTo,
    rows: rows.map((row) => ({ ...row, votes: votesJson(epoch, row.votes) })),
  }
}
