/**
 * What keys were before they were overwritten or deleted, until it is compacted: pages in the order of revisions.
 *
 * The records of a key's life, from its creation to its deletion, form a chain: each lies under the revision that superseded
 * it, which is the modRevision of the next. One in four is a milestone, found by its key: so the record of a given
 * revision is at most three steps away from the first milestone after it, however often the key was changed.
 */
import { assert } from '../base/assert.ts'
import { keyAfter } from '../base/order.ts'
import { historyStepBytes, historyStepRecords } from './bounds.ts'
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
import { createRevisionOf, decodeDeletion, decodeItem, encodeDeletion, modRevisionOf, versionOf } from './records.ts'
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
    const isMilestone = versionOf(record) % milestoneVersions === 0
    if (modRevisionOf(record) === revision) {
      // An item that comes and goes within one revision was never there for a reader. The item before it stands for its
      // version as well: without that, a client that puts a key twice in each transaction would never make a milestone.
      if (isMilestone && createRevisionOf(record) < revision) this.#makeMilestone(key, revision)
      return
    }
    assert(modRevisionOf(record) < revision, 'revision %s replaces what a later one wrote', revision)
    this.#added.push({ supersededAt: revision, key, kind: isMilestone ? 'milestone' : 'item', record })
  }

  /** `record` is the item that this revision deletes. */
  deleted(key: Key, record: Uint8Array, revision: number): void {
    const createRevision = createRevisionOf(record)
    // One that this revision made: it was not there before, or that it was deleted is noted already.
    if (createRevision === revision) return
    this.replaced(key, record, revision)
    this.#added.push({ supersededAt: revision, key, kind: 'deletion', record: nothing })
    this.#view.put(deletionKey(key, revision), encodeDeletion(createRevision))
  }

  /** The item at `revision`. `current` is what the key is now, if it is anything, and changed since. */
  get(key: Key, revision: number, current: Item | undefined): Item | undefined {
    const deletion = this.#firstDeletion(key, revision + 1)
    if (deletion !== undefined) {
      return deletion.createRevision > revision ? undefined : this.#inLife(key, revision, deletion.revision)
    }
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
    let last = this.#firstDeletion(key, low)?.revision
    if (last === undefined || last >= high) return undefined
    let none = high
    while (none - last > 1) {
      const middle = Math.floor((last + none) / 2)
      const found = this.#firstDeletion(key, middle)?.revision ?? none
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
    const added = this.#added.length
    const addedBytes = this.#write()
    if (!this.#compacting) return
    // Removal keeps ahead of what is added.
    this.#compacting = this.#remove(
      compactedRevision,
      historyStepRecords + 2 * added,
      historyStepBytes + 2 * addedBytes,
    )
    this.#isLeft = this.#compacting
  }

  #makeMilestone(key: Key, revision: number): void {
    for (let at = this.#added.length - 1; at >= 0; at--) {
      const entry = this.#added[at]
      if (entry === undefined || entry.supersededAt !== revision) break
      if (entry.key !== key || entry.kind === 'deletion') continue
      this.#added[at] = { ...entry, kind: 'milestone' }
      return
    }
    assert(false, 'revision %s replaced a key, and nothing of it is in the history', revision)
  }

  /** Gives the bytes of the pages. */
  #write(): number {
    const entries = this.#added
    if (entries.length === 0) return 0
    this.#added = []
    let bytes = 0
    for (const [viewKey, page] of historyPages(entries.sort(compareEntries))) {
      this.#view.put(viewKey, page)
      bytes += page.length
    }
    for (const { kind, key, supersededAt } of entries) {
      if (kind === 'milestone') this.#view.put(milestoneKey(key, supersededAt), nothing)
    }
    return bytes
  }

  /** Whole pages, until that is as much as there may be. True when it was: there may be more. */
  #remove(compactedRevision: number, recordsMax: number, bytesMax: number): boolean {
    const viewKeys: string[] = []
    let records = 0
    let bytes = 0
    for (const [viewKey, page] of this.#view.range(this.#removedBelow, historyEnd(compactedRevision))) {
      this.#removedBelow = keyAfter(viewKey)
      const entries = readHistoryPage(page)
      viewKeys.push(viewKey)
      for (const { key, supersededAt, kind } of entries) {
        if (kind === 'milestone') viewKeys.push(milestoneKey(key, supersededAt))
        else if (kind === 'deletion') viewKeys.push(deletionKey(key, supersededAt))
      }
      records += entries.length
      bytes += page.length
      if (records >= recordsMax || bytes >= bytesMax) break
    }
    for (const viewKey of viewKeys) this.#view.delete(viewKey)
    return records >= recordsMax || bytes >= bytesMax
  }

  /** With the revision that made what it deleted. */
  #firstDeletion(key: Key, from: number): { readonly revision: number; readonly createRevision: number } | undefined {
    for (const [viewKey, record] of this.#view.range(deletionKey(key, from), deletionsEnd(key)))
      return { revision: revisionOfMark(viewKey), createRevision: decodeDeletion(record) }
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
      assert(modRevision < at, 'the history of a key goes round at revision %s', at)
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
    assert(record !== undefined, 'the history of a key lacks what revision %s superseded', revision)
    return record
  }
}
