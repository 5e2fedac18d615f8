import type { Clock } from './ports.ts'

/** Disagreement of the two clocks beyond which one of them jumped. Well below the margin of a lease. */
const toleranceMs = 10
/** The clocks drift apart slowly while time is being corrected; what is compared is at most this old. */
const anchorMs = 10_000

/**
 * Notices that the machine slept or that somebody set the clock. The monotonic clock stands still while a machine is
 * suspended, so a lease counted on it would outlive the followers' grants (protocols 8). The wall clock does not stand
 * still, so the two disagree afterwards.
 */
export class ClockWatch {
  readonly #clock: Clock
  #offset: number
  #anchoredAt: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#anchoredAt = clock.now()
    this.#offset = clock.wallNow() - this.#anchoredAt
  }

  /** Looks without taking note. */
  disagrees(): boolean {
    return Math.abs(this.#clock.wallNow() - this.#clock.now() - this.#offset) > toleranceMs
  }

  /** True once for each jump. */
  hasJumped(): boolean {
    const now = this.#clock.now()
    const offset = this.#clock.wallNow() - now
    const hasJumped = Math.abs(offset - this.#offset) > toleranceMs
    if (hasJumped || now - this.#anchoredAt >= anchorMs) {
      this.#offset = offset
      this.#anchoredAt = now
    }
    return hasJumped
  }
}
