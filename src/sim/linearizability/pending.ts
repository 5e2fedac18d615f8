import { type History, type Input, isChange, isRead, type Output, putsOf } from './history.ts'
import { Values } from './values.ts'

/** An operation as the search sees it. */
export interface Pending {
  /** In the history. */
  readonly index: number
  readonly input: Input
  readonly output: Output | undefined
  readonly invokedAt: number
  /** When it must have taken effect; Infinity when only the end of the history sets a limit. */
  readonly deadline: number
  /** False: a write that may never have been done. */
  readonly isCertain: boolean
  /** Its output says that it changed nothing, wherever it stands. */
  readonly isIdle: boolean
}

/**
 * What the search has to place, by invocation, with the doubts that can be settled beforehand settled:
 *
 * - A read that was not answered tells nothing. Stale reads and reads of the past are not about the present.
 * - A write whose value only it can have written, and that was seen, was done before the first who saw it returned.
 * - Values that nobody saw are all alike, so fewer states differ.
 *
 * An uncertain write that nobody saw cannot simply be dropped: the versions of later writes may count it.
 */
export function toPending({ start, operations }: History): readonly Pending[] {
  const values = new Values(operations, start.items)
  const pending: Pending[] = []
  operations.forEach(({ input, output, invokedAt, returnedAt }, index) => {
    if (isRead(input) && (output === undefined || input.isStale || input.at !== undefined)) return
    const seenAt = returnedAt === undefined ? firstSeenAt(values, input) : undefined
    pending.push({
      index,
      input: values.withoutUnseen(input),
      output,
      invokedAt,
      deadline: returnedAt ?? seenAt ?? Number.POSITIVE_INFINITY,
      isCertain: output !== undefined || seenAt !== undefined,
      isIdle: output !== undefined && !isChange(output),
    })
  })
  return pending.sort((a, b) => a.invokedAt - b.invokedAt || a.index - b.index)
}

function firstSeenAt(values: Values, input: Input): number | undefined {
  let first: number | undefined
  for (const { key, value } of putsOf(input)) {
    const seenAt = values.isUnique(key, value) ? values.firstSeenAt(key, value) : undefined
    if (seenAt !== undefined) first = Math.min(first ?? seenAt, seenAt)
  }
  return first
}
