import type { Clock } from './ports.ts'

/** Wall and monotonic clock may drift apart by this much between two looks before it counts as a jump. */
const toleranceMs = 250

/**
 * Notices that the machine slept or that somebody set the clock. The monotonic clock stands still while a machine is
 * suspended, so a lease counted on it would outlive the followers' grants (protocols 8).
 */
export class ClockWatch {
  readonly #clock: Clock
  #offset: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#offset = clock.wallNow() - clock.now()
  }

  hasJumped(): boolean {
    const offset = this.#clock.wallNow() - this.#clock.now()
    const hasJumped = Math.abs(offset - this.#offset) > toleranceMs
    this.#offset = offset
    return hasJumped
  }
}
