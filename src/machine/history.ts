/**
 * What keys were before they were overwritten or deleted, until it is compacted: pages in the order of revisions.
 *
 * The records of a key's life, from its creation to its deletion, form a chain: each lies under the revision that superseded
 * it, which is the modRevision of the next. Every fourth is a milestone, found by its key: so the record of a given
 * revision is at most three steps away from the first milestone after it, however often the key was changed.
 */
import { assert } from '../base/assert.ts'
import { keyAfter } from '../base/order.ts'
import { historyStepRecords } from './bounds.ts'
import { Cursor } from './cursor.ts'
import { compareEntries, findInPage, type HistoryEntry, historyPages, readHistoryPage } from './history-page.ts'
import {
  deletionKey,
  deletionRange,
  deletionsEnd,
  historyEnd,
  historyKey,
  historyRange,
  keyOfDeletion,
  milestoneKey,
  milestonesFrom,
  revisionOfMark,
} from './layout.ts'
import { createRevisionOf, decodeItem, modRevisionOf, versionOf } from './records.ts'
import type { Item, Key, KeyRange } from './request.ts'
import type { View } from './view.ts'

const nothing = new Uint8Array(0)
/** Part of the state's format: it never changes. */
const milestoneVersions = 4

export class History {
  readonly #view: View
  /** Of the slot that is being applied. */
  #added: HistoryEntry[] = []
  /** True while there may be pages that the last compaction left for later. */
  #compacting = true
  #isLeft = false
  /** Below it all pages are removed, though the view may have to look for each of them. */
  #removedBelow: string = historyRange.start

  constructor(view: View) {
    this.#view = view
  }

  /** `record` is the item that this revision replaces. */
  replaced(key: Key, record: Uint8Array, revision: number): void {
    // An item that comes and goes within one revision was never there for a reader.
    if (modRevisionOf(record) === revision) return
    assert(modRevisionOf(record) < revision, `revision ${revision} replaces what a later one wrote`)
    this.#added.push({ supersededAt: revision, key, record })
    if (isMilestone(record)) this.#view.put(milestoneKey(key, revision), nothing)
  }

  /** `record` is the item that this revision deletes. */
  deleted(key: Key, record: Uint8Array, revision: number): void {
    // One that this revision made: it was not there before, or that it was deleted is noted already.
    if (createRevisionOf(record) === revision) return
    this.replaced(key, record, revision)
    this.#added.push({ supersededAt: revision, key, record: undefined })
    this.#view.put(deletionKey(key, revision), nothing)
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
        if (revisionOfMark(cursor.key) <= revision) cursor.seek(deletionKey(key, revision + 1))
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
   * Ends a slot: writes what it superseded, and removes pages that are compacted as a whole. What is removed when depends on
   * the view and the slot alone, so that replicas stay equal whenever they were restarted.
   */
  step(compactedRevision: number): void {
    // Removal keeps ahead of what is added.
    const limit = historyStepRecords + 2 * this.#added.length
    this.#write()
    if (!this.#compacting) return
    const removed = this.#remove(compactedRevision, limit)
    this.#compacting = removed >= limit
    this.#isLeft = this.#compacting
  }

  #write(): void {
    if (this.#added.length === 0) return
    const entries = this.#added
    this.#added = []
    for (const [viewKey, page] of historyPages(entries.sort(compareEntries))) this.#view.put(viewKey, page)
  }

  /** Whole pages, until there are `limit` entries or more. Gives their number. */
  #remove(compactedRevision: number, limit: number): number {
    const end = historyEnd(compactedRevision)
    const viewKeys: string[] = []
    let removed = 0
    for (const [viewKey, page] of this.#view.range(this.#removedBelow, end)) {
      if (removed >= limit) break
      this.#removedBelow = keyAfter(viewKey)
      const entries = readHistoryPage(page)
      removed += entries.length
      viewKeys.push(viewKey)
      for (const { key, supersededAt, record } of entries) {
        if (record === undefined) viewKeys.push(deletionKey(key, supersededAt))
        else if (isMilestone(record)) viewKeys.push(milestoneKey(key, supersededAt))
      }
    }
    for (const viewKey of viewKeys) this.#view.delete(viewKey)
    return removed
  }

  #firstDeletion(key: Key, from: number): number | undefined {
    for (const [viewKey] of this.#view.range(deletionKey(key, from), deletionsEnd(key))) return revisionOfMark(viewKey)
    return undefined
  }

  /** The item at `revision` in the life whose last record was superseded at `end`, which is later. */
  #inLife(key: Key, revision: number, end: number): Item | undefined {
    let at = Math.min(end, this.#firstMilestone(key, revision + 1) ?? end)
    for (;;) {
      const record = this.#superseded(key, at)
      if (createRevisionOf(record) > revision) return undefined
      const modRevision = modRevisionOf(record)
      if (modRevision <= revision) return decodeItem(key, record)
      assert(modRevision < at, `the history of a key goes round at revision ${at}`)
      at = modRevision
    }
  }

  #firstMilestone(key: Key, from: number): number | undefined {
    const { start, end } = milestonesFrom(key, from)
    for (const [viewKey] of this.#view.range(start, end)) return revisionOfMark(viewKey)
    return undefined
  }

  /** What a revision ended that is not compacted. */
  #superseded(key: Key, revision: number): Uint8Array {
    let record: Uint8Array | undefined
    for (const [, page] of this.#view.range(historyKey(key, revision), historyRange.end)) {
      record = findInPage(page, key, revision)
      break
    }
    assert(record !== undefined, `the history of a key lacks what revision ${revision} superseded`)
    return record
  }
}

function isMilestone(record: Uint8Array): boolean {
  return versionOf(record) % milestoneVersions === 0
}
