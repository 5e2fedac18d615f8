import type { Pending } from './pending.ts'
import type { Segment } from './segments.ts'

/**
 * Calls and returns in the order of time, doubly linked, so that an operation is taken out and put back in O(1).
 * Node 0 is the head: it stands before the first and after the last. At equal times calls come before returns, which
 * makes the operations concurrent. An uncertain write has no return.
 */
export class EventList {
  /** By node: the operation's place. */
  readonly place: Int32Array
  readonly isReturn: Uint8Array
  readonly next: Int32Array
  readonly #previous: Int32Array
  /** By call: its return, or 0. */
  readonly #returnOf: Int32Array

  /** `carried`: uncertain writes of earlier segments. They may come at once. */
  constructor(operations: readonly Pending[], { from, to }: Segment, carried: readonly number[]) {
    const events: { time: number; place: number; isReturn: number }[] = []
    for (const place of carried) events.push({ time: Number.NEGATIVE_INFINITY, place, isReturn: 0 })
    for (let place = from; place < to; place++) {
      const operation = operations[place]
      if (operation === undefined) continue
      events.push({ time: operation.invokedAt, place, isReturn: 0 })
      if (operation.isCertain) events.push({ time: operation.deadline, place, isReturn: 1 })
    }
    events.sort((a, b) => compareTimes(a.time, b.time) || a.isReturn - b.isReturn || a.place - b.place)
    const size = events.length + 1
    this.place = new Int32Array(size).fill(-1)
    this.isReturn = new Uint8Array(size)
    this.next = Int32Array.from({ length: size }, (_, node) => (node + 1) % size)
    this.#previous = Int32Array.from({ length: size }, (_, node) => (node + size - 1) % size)
    this.#returnOf = new Int32Array(size)
    const calls = new Map<number, number>()
    const returns = new Map<number, number>()
    events.forEach(({ place, isReturn }, i) => {
      this.place[i + 1] = place
      this.isReturn[i + 1] = isReturn
      const nodes = isReturn === 1 ? returns : calls
      nodes.set(place, i + 1)
    })
    for (const [place, node] of returns) this.#returnOf[calls.get(place) ?? 0] = node
  }

  /** Takes out a call and its return. */
  unlink(call: number): void {
    this.#unlinkNode(call)
    const end = this.#returnOf[call] ?? 0
    if (end !== 0) this.#unlinkNode(end)
  }

  /** Undoes the last `unlink` that was not undone. */
  relink(call: number): void {
    const end = this.#returnOf[call] ?? 0
    if (end !== 0) this.#relinkNode(end)
    this.#relinkNode(call)
  }

  #unlinkNode(node: number): void {
    const [before, after] = [this.#previous[node] ?? 0, this.next[node] ?? 0]
    this.next[before] = after
    this.#previous[after] = before
  }

  #relinkNode(node: number): void {
    const [before, after] = [this.#previous[node] ?? 0, this.next[node] ?? 0]
    this.next[before] = node
    this.#previous[after] = node
  }
}

/** Infinities have no difference. */
function compareTimes(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0
}
