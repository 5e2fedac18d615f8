/**
 * The configurations that a search has been in. A configuration is a set of operations and a state.
 *
 * `HashedVisits` keeps 64 bits of each: two that collide make the search turn back too early, so it may miss a legal
 * order but never invent one. `ExactVisits` keeps everything, and confirms what would be an accusation.
 */
export interface Visits {
  /** False when it was there. `exact` names the configuration; it is called only when the exact name matters. */
  add(high: number, low: number, state: number, exact: () => string): boolean
  clear(): void
}

export class ExactVisits implements Visits {
  readonly #names = new Set<string>()

  add(_high: number, _low: number, _state: number, exact: () => string): boolean {
    const { size } = this.#names
    this.#names.add(exact())
    return this.#names.size > size
  }

  clear(): void {
    this.#names.clear()
  }
}

const firstCapacity = 1024

/** Open addressing over two arrays: a Set of numbers or strings takes several times as long. */
export class HashedVisits implements Visits {
  #highs = new Uint32Array(firstCapacity)
  #lows = new Uint32Array(firstCapacity)
  #size = 0

  add(high: number, low: number, state: number): boolean {
    // Zero marks a free place.
    const mixedHigh = mix(high ^ Math.imul(state, 0x9e3779b1)) || 1
    const mixedLow = mix(low ^ Math.imul(state, 0x85ebca6b))
    if (!this.#insert(mixedHigh, mixedLow)) return false
    this.#size++
    if (this.#size * 2 > this.#highs.length) this.#grow()
    return true
  }

  clear(): void {
    if (this.#size === 0) return
    if (this.#highs.length > firstCapacity * 16) {
      this.#highs = new Uint32Array(firstCapacity)
      this.#lows = new Uint32Array(firstCapacity)
    } else {
      this.#highs.fill(0)
    }
    this.#size = 0
  }

  #insert(high: number, low: number): boolean {
    const mask = this.#highs.length - 1
    for (let at = low & mask; ; at = (at + 1) & mask) {
      const found = this.#highs[at]
      if (found === 0) {
        this.#highs[at] = high
        this.#lows[at] = low
        return true
      }
      if (found === high && this.#lows[at] === low) return false
    }
  }

  #grow(): void {
    const [highs, lows] = [this.#highs, this.#lows]
    this.#highs = new Uint32Array(highs.length * 2)
    this.#lows = new Uint32Array(highs.length * 2)
    for (let i = 0; i < highs.length; i++) {
      const high = highs[i] ?? 0
      if (high !== 0) this.#insert(high, lows[i] ?? 0)
    }
  }
}

function mix(value: number): number {
  let hash = value ^ (value >>> 16)
  hash = Math.imul(hash, 0x45d9f3b)
  hash ^= hash >>> 16
  return hash >>> 0
}
