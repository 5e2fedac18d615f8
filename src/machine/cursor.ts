import type { ReadView } from './view.ts'

/** Past so many steps a new walk is cheaper than going on. */
const stepsMax = 8

/** A place in a range of a view. Must be closed unless it came to the end. The view must not change meanwhile. */
export class Cursor {
  readonly #view: ReadView
  readonly #end: string
  #walk: Iterator<readonly [string, Uint8Array]>
  #key: string | undefined

  constructor(view: ReadView, start: string, end: string) {
    this.#view = view
    this.#end = end
    this.#walk = view.range(start, end)[Symbol.iterator]()
    this.next()
  }

  get key(): string | undefined {
    return this.#key
  }

  next(): void {
    const step = this.#walk.next()
    this.#key = step.done === true ? undefined : step.value[0]
  }

  /** To the first key that is not below `key`. Never goes back. */
  seek(key: string): void {
    for (let steps = 0; this.#key !== undefined && this.#key < key; steps++) {
      if (steps < stepsMax) {
        this.next()
        continue
      }
      this.close()
      this.#walk = this.#view.range(key, this.#end)[Symbol.iterator]()
      this.next()
      return
    }
  }

  close(): void {
    this.#walk.return?.()
    this.#key = undefined
  }
}
