import { assert } from '../../base/assert.ts'
import { compareStrings } from '../../base/order.ts'
import { SortedKeys } from '../../base/sorted-keys.ts'
import type { KeyRange } from '../../machine/request.ts'
import { type Item, isWithin } from './history.ts'

/** What the model reads and changes. */
export interface Store {
  get(key: string): Item | undefined
  set(item: Item): void
  delete(key: string): void
  /** Rising keys. */
  within(range: KeyRange): readonly Item[]
}

/** A few items, copied from an earlier state so that that one stays as it is. */
export class SmallStore implements Store {
  readonly #items: Map<string, Item>

  constructor(items: Iterable<readonly [string, Item]>) {
    this.#items = new Map(items)
  }

  get items(): ReadonlyMap<string, Item> {
    return this.#items
  }

  get(key: string): Item | undefined {
    return this.#items.get(key)
  }

  set(item: Item): void {
    this.#items.set(item.key, item)
  }

  delete(key: string): void {
    this.#items.delete(key)
  }

  within(range: KeyRange): readonly Item[] {
    return [...this.#items.values()]
      .filter((item) => isWithin(item.key, range))
      .sort((a, b) => compareStrings(a.key, b.key))
  }
}

export interface JournalEntry {
  readonly key: string
  readonly before: Item | undefined
}

/** Many items, with a journal by which changes can be taken back. */
export class JournaledStore implements Store {
  readonly #items = new Map<string, Item>()
  /** Undefined when nothing asks for ranges: keeping the order costs more than everything else. */
  readonly #keys: SortedKeys | undefined
  readonly #journal: JournalEntry[] | undefined

  constructor(items: readonly Item[], has: { readonly ranges: boolean; readonly journal: boolean }) {
    this.#keys = has.ranges ? new SortedKeys() : undefined
    for (const item of items) this.set(item)
    this.#journal = has.journal ? [] : undefined
  }

  get journal(): readonly JournalEntry[] {
    return this.#journal ?? []
  }

  get(key: string): Item | undefined {
    return this.#items.get(key)
  }

  set(item: Item): void {
    if (this.#journal !== undefined) this.#journal.push({ key: item.key, before: this.#items.get(item.key) })
    this.#items.set(item.key, item)
    this.#keys?.add(item.key)
  }

  delete(key: string): void {
    if (this.#journal !== undefined) this.#journal.push({ key, before: this.#items.get(key) })
    this.#items.delete(key)
    this.#keys?.delete(key)
  }

  within({ start, end }: KeyRange): readonly Item[] {
    assert(this.#keys !== undefined, 'ranges were not announced')
    const found: Item[] = []
    for (const key of this.#keys.range(start, end)) {
      const item = this.#items.get(key)
      if (item !== undefined) found.push(item)
    }
    return found
  }

  /** Takes back everything after the first `length` entries of the journal. */
  undo(length: number): void {
    const journal = this.#journal
    assert(journal !== undefined, 'no journal was kept')
    while (journal.length > length) {
      const entry = journal.pop()
      if (entry === undefined) return
      if (entry.before === undefined) {
        this.#items.delete(entry.key)
        this.#keys?.delete(entry.key)
      } else {
        this.#items.set(entry.key, entry.before)
        this.#keys?.add(entry.key)
      }
    }
  }
}
