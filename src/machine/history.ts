/**
 * What keys were before they were overwritten or deleted, until it is compacted.
 *
 * The records of a key's life, from its creation to its deletion, form a chain: each lies under the revision that superseded
 * it, which is the modRevision of the next. The one of a given revision is looked for from both ends at once: back along the
 * chain, from one block with changes to the one before, and forward, block after block, where it is the first of the key. With
 * changes in k of the b blocks since then, that is min(k, b - k) steps or fewer, and far fewer when they lie apart evenly.
 */
import { assert } from '../base/assert.ts'
import { historyStepRecords } from './bounds.ts'
import { Cursor } from './cursor.ts'
import { HistoryIndex } from './history-index.ts'
import {
  deletionKey,
  deletionRange,
  deletionsEnd,
  historyBlock,
  historyKey,
  historyOf,
  type IndexKind,
  keyOfDeletion,
  revisionOfDeletion,
} from './layout.ts'
import { createRevisionOf, decodeItem, modRevisionOf } from './records.ts'
import type { Item, Key, KeyRange } from './request.ts'
import type { View } from './view.ts'

const nothing = new Uint8Array(0)

export class History {
  readonly #view: View
  readonly #index: HistoryIndex
  /** Records added since the last step: removal keeps ahead of them. */
  #added = 0
  /** True while there may be records that the last compaction left for later. */
  #compacting = true
  #isLeft = false

  constructor(view: View) {
    this.#view = view
    this.#index = new HistoryIndex(view)
  }

  /** `record` is the item that this revision replaces. */
  replaced(key: Key, record: Uint8Array, revision: number): void {
    // An item that comes and goes within one revision was never there for a reader.
    if (modRevisionOf(record) === revision) return
    assert(modRevisionOf(record) < revision, `revision ${revision} replaces what a later one wrote`)
    this.#view.put(historyKey(key, revision), record)
    this.#note('h', key, revision)
  }

  /** `record` is the item that this revision deletes. */
  deleted(key: Key, record: Uint8Array, revision: number): void {
    this.replaced(key, record, revision)
    // Not for a key that was created in this revision, but for one that was replaced in it first. Once, whatever comes after.
    const isKept = this.#view.get(historyKey(key, revision)) !== undefined
    if (!isKept || this.#view.get(deletionKey(key, revision)) !== undefined) return
    this.#view.put(deletionKey(key, revision), nothing)
    this.#note('d', key, revision)
  }

  /** The item at `revision`. `current` is what the key is now, if it is anything, and changed since. */
  get(key: Key, revision: number, current: Item | undefined): Item | undefined {
    const end = this.#firstDeletion(key, revision + 1)
    if (end !== undefined) return this.#inLife(key, revision, end)
    return current === undefined ? undefined : this.ofLife(current, revision)
  }

  /** The same of a key that was not deleted since. */
  ofLife({ key, createRevision, modRevision }: Item, revision: number): Item | undefined {
    return createRevision > revision ? undefined : this.#inLife(key, revision, modRevision)
  }

  /** Keys in the range that were deleted after `revision`, rising. */
  *deletedSince(range: KeyRange, revision: number): Generator<Key, undefined> {
    const { start, end } = deletionRange(range)
    const cursor = new Cursor(this.#view, start, end)
    try {
      while (cursor.key !== undefined) {
        const key = keyOfDeletion(cursor.key)
        if (revisionOfDeletion(cursor.key) <= revision) cursor.seek(deletionKey(key, revision + 1))
        const after = deletionsEnd(key)
        if (cursor.key !== undefined && cursor.key < after) yield key
        cursor.seek(after)
      }
    } finally {
      cursor.close()
    }
  }

  /** The last revision in [low, high) that deleted the key. The view cannot be walked backwards, so by halving. */
  lastDeletion(key: Key, low: number, high: number): number | undefined {
    let last = this.#firstDeletion(key, low)
    if (last === undefined || last >= high) return undefined
    let none = high
    while (none - last > 1) {
      const middle = Math.floor((last + none) / 2)
      const found = this.#firstDeletion(key, middle) ?? none
      if (found < none) last = found
      else none = middle
    }
    return last
  }

  compact(): void {
    this.#compacting = true
    this.#isLeft = true
  }

  /** The last slot did not remove all that is compacted. Not known before the first one of this life. */
  get isLeft(): boolean {
    return this.#isLeft
  }

  /**
   * Ends a slot: removes some of what was superseded at or below `compactedRevision`. What is removed when depends on the
   * view and the slot alone, so that replicas stay equal whenever they were restarted.
   */
  step(compactedRevision: number): void {
    const limit = historyStepRecords + 2 * this.#added
    this.#added = 0
    this.#index.flush()
    if (!this.#compacting) return
    const taken = this.#index.take(compactedRevision, limit)
    for (const { kind, key, supersededAt } of taken) {
      this.#view.delete(kind === 'h' ? historyKey(key, supersededAt) : deletionKey(key, supersededAt))
    }
    this.#compacting = taken.length === limit
    this.#isLeft = this.#compacting
  }

  #note(kind: IndexKind, key: Key, supersededAt: number): void {
    this.#index.add({ kind, key, supersededAt })
    this.#added++
  }

  #firstDeletion(key: Key, from: number): number | undefined {
    for (const [viewKey] of this.#view.range(deletionKey(key, from), deletionsEnd(key)))
      return revisionOfDeletion(viewKey)
    return undefined
  }

  /** The item at `revision` in the life whose last record was superseded at `end`, which is later. */
  #inLife(key: Key, revision: number, end: number): Item | undefined {
    let at = end
    for (let block = historyBlock(revision + 1); ; block++) {
      // Of the records of a block that are later than the revision the first one leads furthest back.
      const earlier = this.#firstOfBlock(key, historyBlock(at), revision + 1)
      assert(earlier !== undefined, `the history of a key lacks what revision ${at} superseded`)
      if (createRevisionOf(earlier) > revision) return undefined
      assert(modRevisionOf(earlier) < at, `the history of a key goes round at revision ${at}`)
      at = modRevisionOf(earlier)
      if (at <= revision) return decodeItem(key, earlier)
      const first = this.#firstOfBlock(key, block, revision + 1)
      if (first !== undefined) return decodeItem(key, first)
    }
  }

  /** The record of the block that was superseded first, not before `from`. */
  #firstOfBlock(key: Key, block: number, from: number): Uint8Array | undefined {
    const { start, end } = historyOf(key, block)
    const first = historyBlock(from) === block ? historyKey(key, from) : start
    for (const [, record] of this.#view.range(first, end)) return record
    return undefined
  }
}
