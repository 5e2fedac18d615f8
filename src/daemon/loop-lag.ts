const sampleMs = 20
const windowMs = 1000

/** The longest stall of the event loop within the last second or two. */
export class LoopLag {
  readonly #timer: NodeJS.Timeout
  #last = performance.now()
  #windowEnd = this.#last + windowMs
  #current = 0
  #previous = 0

  constructor() {
    this.#timer = setInterval(() => this.#sample(), sampleMs)
    this.#timer.unref()
  }

  recentMs(): number {
    // A stall that goes on has not been sampled yet.
    const running = performance.now() - this.#last - sampleMs
    return Math.max(this.#current, this.#previous, running, 0)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #sample(): void {
    const now = performance.now()
    this.#current = Math.max(this.#current, now - this.#last - sampleMs)
    this.#last = now
    if (now < this.#windowEnd) return
    this.#windowEnd = now + windowMs
    this.#previous = this.#current
    this.#current = 0
  }
}
