import { compareStrings, lowerBound } from './order.ts'

const chunkKeysMax = 512

/** A sorted set of strings, ordered by UTF-16 units. Kept in sorted chunks, so that an insert moves a few hundred at most. */
export class SortedKeys {
  /** None is empty, and each is wholly below the next. */
  readonly #chunks: string[][] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  first(): string | undefined {
    return this.#chunks[0]?.[0]
  }

  has(key: string): boolean {
    const chunk = this.#chunks[this.#chunkOf(key)]
    return chunk !== undefined && chunk[lowerBound(chunk, key, compareStrings)] === key
  }

  /** False when it was there already. */
  add(key: string): boolean {
    const index = this.#chunkOf(key)
    const chunk = this.#chunks[index]
    if (chunk === undefined) {
      this.#chunks.push([key])
      this.#size = 1
      return true
    }
    const at = lowerBound(chunk, key, compareStrings)
    if (chunk[at] === key) return false
    this.#size++
    if (chunk.length < chunkKeysMax) {
      chunk.splice(at, 0, key)
      return true
    }
    // Rising keys leave full chunks behind; any other order halves them.
    const rest = chunk.splice(at === chunk.length ? at : chunk.length >>> 1)
    this.#chunks.splice(index + 1, 0, rest)
    if (at > chunk.length || rest.length === 0) rest.splice(at - chunk.length, 0, key)
    else chunk.splice(at, 0, key)
    return true
  }

  /** False when it was not there. */
  delete(key: string): boolean {
    const index = this.#chunkOf(key)
    const chunk = this.#chunks[index]
    if (chunk === undefined) return false
    const at = lowerBound(chunk, key, compareStrings)
    if (chunk[at] !== key) return false
    chunk.splice(at, 1)
    if (chunk.length === 0) this.#chunks.splice(index, 1)
    this.#size--
    return true
  }

  /** Rising, half-open; `end` undefined means no bound. The set must not change before the iteration ends. */
  *range(start: string, end: string | undefined): Generator<string, undefined> {
    let index = this.#chunkOf(start)
    const first = this.#chunks[index]
    let at = first === undefined ? 0 : lowerBound(first, start, compareStrings)
    for (; index < this.#chunks.length; index++) {
      const chunk = this.#chunks[index] ?? []
      for (; at < chunk.length; at++) {
        const key = chunk[at]
        if (key === undefined || (end !== undefined && key >= end)) return
        yield key
      }
      at = 0
    }
  }

  /** The last chunk that begins at or below `key`, or the first one. */
  #chunkOf(key: string): number {
    let low = 0
    let high = this.#chunks.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const least = this.#chunks[middle]?.[0]
      if (least !== undefined && least <= key) low = middle + 1
      else high = middle
    }
    return Math.max(0, low - 1)
  }
}
