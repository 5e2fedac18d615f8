/** What keys were before they were overwritten or deleted, until it is compacted. */
import { historyStepRecords } from './bounds.ts'
import { Cursor } from './cursor.ts'
import { HistoryIndex } from './history-index.ts'
import { historyEnd, historyKey, historyRange, keyOfHistory, supersededAtOf } from './layout.ts'
import { decodeItem, modRevisionOf } from './records.ts'
import type { Item, Key, KeyRange } from './request.ts'
import type { View } from './view.ts'

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

  /** `record` is the item that revision `supersededAt` ends. */
  add(key: Key, record: Uint8Array, supersededAt: number): void {
    // An item that comes and goes within one revision was never there for a reader.
    if (modRevisionOf(record) === supersededAt) return
    this.#view.put(historyKey(key, supersededAt), record)
    this.#index.add({ key, supersededAt })
    this.#added++
  }

  /** The item at `revision`, if it was superseded since. */
  get(key: Key, revision: number): Item | undefined {
    for (const [, record] of this.#view.range(historyKey(key, revision + 1), historyEnd(key))) {
      return modRevisionOf(record) <= revision ? decodeItem(key, record) : undefined
    }
    return undefined
  }

  /** Items at `revision` that were superseded since, by rising keys. */
  *range(range: KeyRange, revision: number): Generator<Item, undefined> {
    const { start, end } = historyRange(range)
    const cursor = new Cursor(this.#view, start, end)
    try {
      while (cursor.key !== undefined) {
        const key = keyOfHistory(cursor.key)
        if (supersededAtOf(cursor.key) <= revision) cursor.seek(historyKey(key, revision + 1))
        const pair = cursor.pair
        if (pair === undefined) return
        const after = historyEnd(key)
        if (pair[0] >= after) continue
        if (modRevisionOf(pair[1]) <= revision) yield decodeItem(key, pair[1])
        cursor.seek(after)
      }
    } finally {
      cursor.close()
    }
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
    for (const { key, supersededAt } of taken) this.#view.delete(historyKey(key, supersededAt))
    this.#compacting = taken.length === limit
    this.#isLeft = this.#compacting
  }
}
