import type { Pending } from './pending.ts'

/** Places from `from` up to, not including, `to`. */
export interface Segment {
  readonly from: number
  readonly to: number
}

/**
 * Cuts where nothing that is certain was pending. What came before is then over, but for uncertain writes, which may
 * come later still. `operations` are sorted by invocation.
 */
export function toSegments(operations: readonly Pending[]): readonly Segment[] {
  const segments: Segment[] = []
  let from = 0
  let busyUntil = Number.NEGATIVE_INFINITY
  operations.forEach(({ invokedAt, deadline, isCertain }, place) => {
    if (place > from && busyUntil < invokedAt) {
      segments.push({ from, to: place })
      from = place
    }
    if (isCertain) busyUntil = Math.max(busyUntil, deadline, invokedAt)
  })
  if (operations.length > 0) segments.push({ from, to: operations.length })
  return segments
}
