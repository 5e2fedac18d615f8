import { type History, isChange, isRead } from './history.ts'
import { showOperation } from './show.ts'
import type { Violation } from './verdict.ts'

/** Below every number that an output may claim. */
export const noRevision = Number.NEGATIVE_INFINITY

/** The order that the outputs claim. Arrays are indexed by operation unless they say otherwise. */
export interface Claims {
  readonly invokedAt: Float64Array
  /** Infinity when it never returned. */
  readonly returnedAt: Float64Array
  /** `noRevision` where the output claims none. */
  readonly revision: Float64Array
  readonly isWrite: Uint8Array
  /** The revision whose data it shows: its own, or an earlier one for reads of the past. */
  readonly position: Float64Array
  /** Operations that claim a revision, by position; the write that made the position comes first. */
  readonly order: Uint32Array
  /** Refused conditions: they claim no revision. */
  readonly refused: readonly number[]
  /** Writes of which nothing is known, by invocation. */
  readonly open: readonly number[]
  /** By revision above the start: the write that claims it, or -1. */
  readonly writer: Int32Array
}

/** Sorts the operations into the order that they claim, or tells why there is none. */
export function collectClaims({ start, operations }: History): Claims | Violation {
  const count = operations.length
  const invokedAt = new Float64Array(count)
  const returnedAt = new Float64Array(count)
  const revision = new Float64Array(count).fill(noRevision)
  const position = new Float64Array(count).fill(noRevision)
  const isWrite = new Uint8Array(count)
  const refused: number[] = []
  const open: number[] = []
  let writes = 0
  operations.forEach((operation, i) => {
    const { input, output } = operation
    invokedAt[i] = operation.invokedAt
    returnedAt[i] = operation.returnedAt ?? Number.POSITIVE_INFINITY
    if (output === undefined) {
      if (!isRead(input)) open.push(i)
      return
    }
    if (output.kind === 'mismatch') {
      refused.push(i)
      return
    }
    revision[i] = output.revision
    position[i] = isRead(input) ? (input.at ?? output.revision) : output.revision
    if (!isChange(output)) return
    isWrite[i] = 1
    writes++
  })
  open.sort((a, b) => (invokedAt[a] ?? 0) - (invokedAt[b] ?? 0))
  const top = start.revision + writes + open.length
  const problem = rangeProblem(start.revision, revision, position, isWrite)
  if (problem !== undefined) {
    const operation = operations[problem]
    const shown = operation === undefined ? '' : showOperation(operation)
    const message = `${shown}: the history begins at revision ${start.revision}, and no read is of the future`
    return { violation: 'impossibleRevision', message, longestPrefix: [], blocking: [problem] }
  }
  const writer = new Int32Array(top - start.revision + 1).fill(-1)
  for (let i = 0; i < count; i++) {
    if (isWrite[i] === 0) continue
    const at = (revision[i] ?? 0) - start.revision
    const other = writer[at] ?? -1
    if (other >= 0) {
      const pair = [operations[other], operations[i]].map((each) => (each === undefined ? '' : showOperation(each)))
      const message = `Two writes claim one revision. ${pair.join('. ')}`
      return { violation: 'doubleRevision', message, longestPrefix: [], blocking: [i, other] }
    }
    writer[at] = i
  }
  const order = sortByPosition(start.revision, top, position, isWrite)
  return { invokedAt, returnedAt, revision, isWrite, position, order, refused, open, writer }
}

/** The first operation whose claim no sequence can fulfil. */
function rangeProblem(
  start: number,
  revision: Float64Array,
  position: Float64Array,
  isWrite: Uint8Array,
): number | undefined {
  for (let i = 0; i < revision.length; i++) {
    const claimed = revision[i] ?? noRevision
    if (claimed === noRevision && position[i] === noRevision) continue
    const least = isWrite[i] === 1 ? start + 1 : start
    if (!Number.isSafeInteger(claimed) || claimed < least || (position[i] ?? 0) > claimed) return i
  }
  return undefined
}

/**
 * A counting sort. Reads below the start are left out: what they show is not known. What claims more revisions than there
 * are writes comes last; the replay stops before it, at the first revision that nobody made.
 */
function sortByPosition(start: number, top: number, position: Float64Array, isWrite: Uint8Array): Uint32Array {
  const beyond = top - start + 1
  const ends = new Uint32Array(beyond + 2)
  let counted = 0
  for (const each of position) {
    if (each < start) continue
    const after = Math.min(each - start, beyond) + 1
    ends[after] = (ends[after] ?? 0) + 1
    counted++
  }
  for (let i = 1; i < ends.length; i++) ends[i] = (ends[i] ?? 0) + (ends[i - 1] ?? 0)
  const order = new Uint32Array(counted)
  for (const wanted of [1, 0]) {
    for (let i = 0; i < position.length; i++) {
      const at = Math.min((position[i] ?? noRevision) - start, beyond)
      if (at < 0 || isWrite[i] !== wanted) continue
      const place = ends[at] ?? 0
      order[place] = i
      ends[at] = place + 1
    }
  }
  return order
}
