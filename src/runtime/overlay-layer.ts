import { SortedKeys } from '../base/sorted-keys.ts'

/** Changes above a view: a value, or null for a deleted key. */
export class OverlayLayer {
  readonly #changes = new Map<string, Uint8Array | null>()
  readonly #sorted = new SortedKeys()
  /** Keys not in `#sorted` yet. Most changes are never walked in order, and sorting them would cost as much as the rest. */
  #unsorted: string[] = []
  #bytes = 0

  get changes(): ReadonlyMap<string, Uint8Array | null> {
    return this.#changes
  }

  /** Of keys and values as they were set: a key that was set twice counts twice. */
  get bytes(): number {
    return this.#bytes
  }

  set(key: string, value: Uint8Array | null): void {
    const before = this.#changes.size
    this.#changes.set(key, value)
    if (this.#changes.size > before) this.#unsorted.push(key)
    this.#bytes += key.length + (value?.length ?? 0)
  }

  /** Changed keys, rising. The layer must not change before the iteration ends. */
  keys(start: string, end: string | undefined): Generator<string, undefined> {
    for (const key of this.#unsorted) this.#sorted.add(key)
    this.#unsorted = []
    return this.#sorted.range(start, end)
  }
}
