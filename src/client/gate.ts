/** Lets `max` through at a time; the rest wait their turn, first come, first served. */
export class Gate {
  readonly #max: number
  #inside = 0
  #waiting: (() => void)[] = []
  #head = 0
  #emptied: (() => void)[] = []

  constructor(max: number) {
    this.#max = max
  }

  get inside(): number {
    return this.#inside
  }

  /** Undefined when there is room, so that nothing is awaited for nothing. */
  enter(): Promise<void> | undefined {
    if (this.#inside < this.#max) {
      this.#inside++
      return undefined
    }
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** Resolves when nobody is inside or waits. */
  whenEmpty(): Promise<void> {
    if (this.#inside === 0) return Promise.resolve()
    return new Promise((resolve) => this.#emptied.push(resolve))
  }

  leave(): void {
    const next = this.#waiting[this.#head]
    if (next === undefined) {
      this.#inside--
      if (this.#inside === 0) for (const resolve of this.#emptied.splice(0)) resolve()
      return
    }
    // The place goes from one to the other.
    this.#head++
    if (this.#head > 1024) {
      this.#waiting = this.#waiting.slice(this.#head)
      this.#head = 0
    }
    next()
  }
}
