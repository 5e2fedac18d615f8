import type { Clock } from '../runtime/ports.ts'
import type { Scheduler } from './scheduler.ts'

/** What the protocols promise to survive: leases only within this drift. */
export const clockDriftMax = 0.05

/** One node's clock: runs at its own rate, stands still while the machine is suspended, and its wall time may jump. */
export class SimClock implements Clock {
  readonly #scheduler: Scheduler
  readonly #defer: (task: () => void) => void
  #rate: number
  /** Local monotonic time when the rate last changed. */
  #base: number
  #baseAt: number
  #wallOffset: number

  constructor(scheduler: Scheduler, rate: number, wallOffset: number, defer: (task: () => void) => void) {
    this.#scheduler = scheduler
    this.#rate = rate
    this.#base = 1000
    this.#baseAt = scheduler.now
    this.#wallOffset = wallOffset
    this.#defer = defer
  }

  now(): number {
    return this.#base + (this.#scheduler.now - this.#baseAt) * this.#rate
  }

  wallNow(): number {
    return Math.floor(1_700_000_000_000 + this.now() + this.#wallOffset)
  }

  defer(task: () => void): void {
    this.#defer(task)
  }

  /** How long `ms` of this clock take in the world. */
  worldMs(ms: number): number {
    return ms / this.#rate
  }

  setRate(rate: number): void {
    this.#base = this.now()
    this.#baseAt = this.#scheduler.now
    this.#rate = rate
  }

  jumpWall(ms: number): void {
    this.#wallOffset += ms
  }

  /** The machine slept: the monotonic clock stood still for the last `ms`, the wall clock did not. */
  suspended(ms: number): void {
    this.#base = this.now() - ms * this.#rate
    this.#baseAt = this.#scheduler.now
    this.#wallOffset += ms * this.#rate
  }
}
