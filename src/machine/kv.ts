/** Keys and their items, now and at earlier revisions. Says nothing of who may change them when. */
import { deletedBytesMax, deletedKeysMax } from './bounds.ts'
import type { ItemChanges } from './chain.ts'
import { History } from './history.ts'
import { itemKey, itemRange, keyOfItem } from './layout.ts'
import { createRevisionOf, decodeItem, encodeItem, versionOf } from './records.ts'
import type { Item, Key, KeyRange } from './request.ts'
import type { View } from './view.ts'

export class Kv {
  readonly history: History
  readonly #view: View
  readonly #changes: ItemChanges

  /** `changes` is told of every item that is written or deleted. */
  constructor(view: View, changes: ItemChanges) {
    this.#view = view
    this.#changes = changes
    this.history = new History(view)
  }

  get(key: Key): Item | undefined {
    const record = this.#view.get(itemKey(key))
    return record === undefined ? undefined : decodeItem(key, record)
  }

  getAt(key: Key, revision: number): Item | undefined {
    const item = this.get(key)
    return item !== undefined && item.modRevision <= revision ? item : this.history.get(key, revision, item)
  }

  /** 0 when there is no such key. */
  version(key: Key): number {
    const record = this.#view.get(itemKey(key))
    return record === undefined ? 0 : versionOf(record)
  }

  /** Rising keys. The data must not change meanwhile. */
  *range(range: KeyRange): Generator<Item, undefined> {
    const { start, end } = itemRange(range)
    for (const [key, record] of this.#view.range(start, end)) yield decodeItem(keyOfItem(key), record)
  }

  /** The same at `revision`. */
  *rangeAt(range: KeyRange, revision: number): Generator<Item, undefined> {
    const deleted = this.history.deletedSince(range, revision)
    try {
      let gone = deleted.next().value
      for (const item of this.range(range)) {
        for (; gone !== undefined && gone < item.key; gone = deleted.next().value) {
          const old = this.history.get(gone, revision, undefined)
          if (old !== undefined) yield old
        }
        const then = gone === item.key ? this.history.get(item.key, revision, item) : this.#then(item, revision)
        if (gone === item.key) gone = deleted.next().value
        if (then !== undefined) yield then
      }
      for (; gone !== undefined; gone = deleted.next().value) {
        const old = this.history.get(gone, revision, undefined)
        if (old !== undefined) yield old
      }
    } finally {
      deleted.return(undefined)
    }
  }

  /** Of an item that was not deleted since. */
  #then(item: Item, revision: number): Item | undefined {
    return item.modRevision <= revision ? item : this.history.ofLife(item, revision)
  }

  /** Gives the new version. */
  put(key: Key, value: Uint8Array, revision: number): number {
    const viewKey = itemKey(key)
    const previous = this.#view.get(viewKey)
    if (previous === undefined) {
      this.#view.put(viewKey, encodeItem(revision, revision, 1, value))
      this.#changes.written(key, revision, 1, value)
      return 1
    }
    const version = versionOf(previous) + 1
    const createRevision = createRevisionOf(previous)
    this.history.replaced(key, previous, revision)
    this.#view.put(viewKey, encodeItem(createRevision, revision, version, value))
    this.#changes.written(key, createRevision, version, value)
    return version
  }

  /** False when there was no such key. */
  delete(key: Key, revision: number): boolean {
    const viewKey = itemKey(key)
    const record = this.#view.get(viewKey)
    if (record === undefined) return false
    this.history.deleted(key, record, revision)
    this.#view.delete(viewKey)
    this.#changes.deleted(key)
    return true
  }

  /** Gives the number of keys deleted. Ask `deletionProblem` first. */
  deleteRange(range: KeyRange, revision: number): number {
    const { start, end } = itemRange(range)
    const found = [...this.#view.range(start, end)]
    for (const [viewKey, record] of found) {
      const key = keyOfItem(viewKey)
      this.history.deleted(key, record, revision)
      this.#view.delete(viewKey)
      this.#changes.deleted(key)
    }
    return found.length
  }

  /** Why one command cannot delete so much, or undefined when it can. Overlapping ranges count as often as they overlap. */
  deletionProblem(ranges: readonly KeyRange[]): string | undefined {
    let keys = 0
    let bytes = 0
    for (const range of ranges) {
      const { start, end } = itemRange(range)
      for (const [viewKey, record] of this.#view.range(start, end)) {
        keys++
        bytes += viewKey.length + record.length
        if (keys > deletedKeysMax) return `More than ${deletedKeysMax} keys to delete at once: delete a smaller range`
        if (bytes > deletedBytesMax)
          return `More than ${deletedBytesMax} bytes to delete at once: delete a smaller range`
      }
    }
    return undefined
  }
}
