const sampleMs = 20
const windowMs = 1000
const windowsKept = 60
/** A second with a stall of this length counts as stalled. */
const stallMs = 100

/** Stalls of the event loop: of the last second or two, and of the last minute. */
export class LoopLag {
  readonly #timer: NodeJS.Timeout
  #last = performance.now()
  #windowEnd = this.#last + windowMs
  /** The longest stall of each second, the newest last; that of now is the last one. */
  readonly #windows: number[] = [0]

  constructor() {
    this.#timer = setInterval(() => this.#sample(), sampleMs)
    this.#timer.unref()
  }

  /** The longest stall within the last second or two. */
  recentMs(): number {
    return Math.max(...this.#windows.slice(-2), this.#runningMs())
  }

  /** The longest stall of the last minute, and how many of its seconds had one of 100 ms or more. */
  lastMinute(): { readonly maxMs: number; readonly stalledSeconds: number } {
    return {
      maxMs: Math.max(...this.#windows, this.#runningMs()),
      stalledSeconds: this.#windows.filter((longest) => longest >= stallMs).length,
    }
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** A stall that goes on has not been sampled yet. */
  #runningMs(): number {
    return Math.max(0, performance.now() - this.#last - sampleMs)
  }

  #sample(): void {
    const now = performance.now()
    const at = this.#windows.length - 1
    this.#windows[at] = Math.max(this.#windows[at] ?? 0, now - this.#last - sampleMs)
    this.#last = now
    if (now < this.#windowEnd) return
    this.#windowEnd = now + windowMs
    this.#windows.push(0)
    if (this.#windows.length > windowsKept) this.#windows.shift()
  }
}
