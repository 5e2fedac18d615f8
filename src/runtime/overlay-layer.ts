import { SortedKeys } from '../base/sorted-keys.ts'

/** Changes above a view: a value, or null for a deleted key. */
export class OverlayLayer {
  readonly #changes = new Map<string, Uint8Array | null>()
  /** By their first unit, in which kinds of records differ: a walk through one kind does not pay for the order of others. */
  readonly #kinds: (ChangedKeys | undefined)[] = []
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
    if (this.#changes.size > before) this.#kindOf(key).unsorted.push(key)
    this.#bytes += key.length + (value?.length ?? 0)
  }

  /** Changed keys, rising. The layer must not change before the iteration ends. */
  *keys(start: string, end: string | undefined): Generator<string, undefined> {
    for (let unit = firstUnit(start); unit < this.#kinds.length; unit++) {
      const kind = this.#kinds[unit]
      if (kind === undefined) continue
      if (end !== undefined && String.fromCharCode(unit) >= end) return
      for (const key of kind.unsorted) kind.sorted.add(key)
      kind.unsorted = []
      yield* kind.sorted.range(start, end)
    }
  }

  #kindOf(key: string): ChangedKeys {
    const unit = firstUnit(key)
    let kind = this.#kinds[unit]
    if (kind === undefined) {
      kind = { sorted: new SortedKeys(), unsorted: [] }
      while (this.#kinds.length < unit) this.#kinds.push(undefined)
      this.#kinds[unit] = kind
    }
    return kind
  }
}

interface ChangedKeys {
  readonly sorted: SortedKeys
  /** Not in `sorted` yet. Most changes are never walked in order, and sorting them would cost as much as the rest. */
  unsorted: string[]
}

function firstUnit(key: string): number {
  return key === '' ? 0 : key.charCodeAt(0)
}
