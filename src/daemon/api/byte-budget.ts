import { assert } from '../../base/assert.ts'

/** Bytes that all connections together may hold. */
export class ByteBudget {
  readonly #max: number
  #held = 0

  constructor(max: number) {
    this.#max = max
  }

  get held(): number {
    return this.#held
  }

  /** False, and nothing taken, when they would be too many. */
  take(bytes: number): boolean {
    if (this.#held + bytes > this.#max) return false
    this.#held += bytes
    return true
  }

  give(bytes: number): void {
    this.#held -= bytes
    assert(this.#held >= 0, 'more bytes given back than taken: %s', this.#held)
  }
}
