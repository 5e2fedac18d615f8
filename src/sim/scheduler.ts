import { assert } from '../base/assert.ts'

interface Scheduled {
  readonly at: number
  readonly order: number
  readonly task: () => void
}

/**
 * Virtual time. Tasks run in order of their time, and of their scheduling where times are equal; nothing else decides
 * what happens next, and idle time costs nothing.
 */
export class Scheduler {
  readonly #heap: Scheduled[] = []
  #now = 0
  #order = 0

  /** Milliseconds since the world began. */
  get now(): number {
    return this.#now
  }

  after(delayMs: number, task: () => void): void {
    assert(delayMs >= 0, 'scheduled into the past: %s', delayMs)
    this.#push({ at: this.#now + delayMs, order: this.#order++, task })
  }

  /** Runs everything that is due before `until`, then moves the clock there. `stop` is asked after every task. */
  runUntil(until: number, stop: () => boolean): void {
    for (;;) {
      const first = this.#heap[0]
      if (first === undefined || first.at > until) break
      this.#pop()
      this.#now = first.at
      first.task()
      if (stop()) return
    }
    this.#now = until
  }

  #push(item: Scheduled): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(item)
    while (at > 0) {
      const parent = (at - 1) >>> 1
      const above = heap[parent]
      if (above === undefined || !isBefore(item, above)) break
      heap[at] = above
      at = parent
    }
    heap[at] = item
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      let smallest = heap[child]
      if (smallest === undefined) break
      const right = heap[child + 1]
      if (right !== undefined && isBefore(right, smallest)) {
        child++
        smallest = right
      }
      if (!isBefore(smallest, last)) break
      heap[at] = smallest
      at = child
    }
    heap[at] = last
  }
}

function isBefore(a: Scheduled, b: Scheduled): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
