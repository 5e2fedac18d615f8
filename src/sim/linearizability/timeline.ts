import { compareNumbers } from '../../base/order.ts'
import type { History, Operation } from './history.ts'
import { showOperation } from './show.ts'
import type { Violation } from './verdict.ts'

export interface TimelineRow {
  readonly operation: Operation
  /** Columns, in the order of events: equal distances, whatever the time between. */
  readonly from: number
  /** Undefined when it never returned. */
  readonly to: number | undefined
  /** Place in the longest legal sequence, from 1; undefined when it is not in it. */
  readonly place: number | undefined
  readonly isBlocking: boolean
}

export interface Timeline {
  readonly columns: number
  readonly rows: readonly TimelineRow[]
}

const prefixShown = 12
const concurrentShown = 12

/** The end of the longest legal sequence, what cannot follow, and what ran at the same time. */
export function toTimeline({ operations }: History, { longestPrefix, blocking }: Violation, rowsMax = 40): Timeline {
  const chosen = new Set([...blocking.slice(0, rowsMax), ...longestPrefix.slice(-prefixShown)])
  const culprit = operations[blocking[0] ?? -1]
  let concurrent = 0
  for (let i = 0; i < operations.length && culprit !== undefined && concurrent < concurrentShown; i++) {
    const operation = operations[i]
    if (chosen.has(i) || operation === undefined || !areConcurrent(operation, culprit)) continue
    chosen.add(i)
    concurrent++
  }
  const indices = [...chosen].sort((a, b) => (operations[a]?.invokedAt ?? 0) - (operations[b]?.invokedAt ?? 0) || a - b)
  const shown = indices.slice(0, rowsMax).flatMap((index) => {
    const operation = operations[index]
    return operation === undefined ? [] : [{ index, operation }]
  })
  const times = shown.flatMap(({ operation }) => [operation.invokedAt, operation.returnedAt ?? operation.invokedAt])
  const ranks = new Map([...new Set(times)].sort(compareNumbers).map((time, rank) => [time, rank]))
  const places = new Map(longestPrefix.map((index, i) => [index, i + 1]))
  const rows = shown.map(({ index, operation }) => ({
    operation,
    from: ranks.get(operation.invokedAt) ?? 0,
    to: operation.returnedAt === undefined ? undefined : ranks.get(operation.returnedAt),
    place: places.get(index),
    isBlocking: blocking.includes(index),
  }))
  return { columns: ranks.size, rows }
}

/** Text for a terminal: one operation a line, `>` before what blocks, `#n` before the n-th of the legal sequence. */
export function renderTimeline(history: History, violation: Violation): string {
  const { columns, rows } = toTimeline(history, violation)
  const lines = rows.map((row) => {
    const mark = row.isBlocking ? '>' : ' '
    const place = row.place === undefined ? '' : `#${row.place}`
    return `${mark} ${place.padStart(8)} ${bar(row, columns)} ${showOperation(row.operation)}`
  })
  const { violation: kind, message, longestPrefix } = violation
  const legal = `${longestPrefix.length} of ${history.operations.length} operations can be placed.`
  return [`${kind}: ${message}.`, legal, '', ...lines, ''].join('\n')
}

function bar({ from, to }: TimelineRow, columns: number): string {
  const end = to ?? columns
  const inner = '─'.repeat(Math.max(0, end - from - 1))
  const drawn = to === undefined ? `├${inner}…` : to === from ? '│' : `├${inner}┤`
  return ' '.repeat(from) + drawn + ' '.repeat(Math.max(0, columns + 1 - from - drawn.length))
}

function areConcurrent(a: Operation, b: Operation): boolean {
  return a.invokedAt <= (b.returnedAt ?? Number.POSITIVE_INFINITY) && b.invokedAt <= (a.returnedAt ?? a.invokedAt)
}
