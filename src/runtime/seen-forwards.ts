import type { NodeId } from '../protocol/ids.ts'

/** Numbers remembered for each node, below the highest one. */
const windowMax = 1 << 16

interface Seen {
  highest: number
  readonly ids: Set<number>
}

/**
 * Notices a forwarded request that arrives twice. The network may double a message; a request without a session would be
 * done twice. One with a session is not looked at here: its repetition is answered when it is applied.
 *
 * Numbers rise with each node, over restarts as well. One that is too old to be remembered counts as seen: never twice is
 * worth more than at once, and the node that forwarded it learns that the outcome is unknown.
 */
export class SeenForwards {
  readonly #byNode = new Map<NodeId, Seen>()

  has(from: NodeId, id: number): boolean {
    const seen = this.#byNode.get(from)
    return seen !== undefined && (seen.ids.has(id) || id <= seen.highest - windowMax)
  }

  /** True the first time. */
  isFirst(from: NodeId, id: number): boolean {
    let seen = this.#byNode.get(from)
    if (seen === undefined) {
      seen = { highest: id, ids: new Set() }
      this.#byNode.set(from, seen)
    }
    if (this.has(from, id)) return false
    seen.ids.add(id)
    seen.highest = Math.max(seen.highest, id)
    for (const old of seen.ids) {
      // Roughly in order of arrival: the oldest are first.
      if (seen.ids.size <= windowMax) break
      seen.ids.delete(old)
    }
    return true
  }
}
