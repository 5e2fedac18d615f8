/**
 * A page of the history: what was superseded in the order of revisions, and of keys within one, as
 * u8 kind, u64 supersededAt, u16 length and key, u32 length and the record.
 *
 * The items that a slot supersedes share pages, so that a batch of puts costs the store one record for several of them, to
 * write and to compact.
 */
import { assert } from '../base/assert.ts'
import { ByteReader, BytesError, ByteWriter, toBinary } from '../base/bytes.ts'
import { compareStrings } from '../base/order.ts'
import { historyKey } from './layout.ts'
import { readRecord } from './records.ts'
import type { Key } from './request.ts'

export interface HistoryEntry {
  readonly supersededAt: number
  readonly key: Key
  /** A milestone is found by its key as well (`history.ts`); a deletion marks that the revision deleted the key. */
  readonly kind: 'item' | 'milestone' | 'deletion'
  /** The item as it was; empty with a deletion. */
  readonly record: Uint8Array
}

const kinds = ['item', 'milestone', 'deletion'] as const

/** With their keys four of them share a page of the store (8192 bytes). One entry alone may take more. */
const pageBytesMax = 1968
const entryHeaderBytes = 15

/** Of an entry in its page. */
export function entryBytes({ key, record }: HistoryEntry): number {
  return entryHeaderBytes + key.length + record.length
}

export function compareEntries(a: HistoryEntry, b: HistoryEntry): number {
  return a.supersededAt - b.supersededAt || compareStrings(a.key, b.key) || rank(a) - rank(b)
}

/** Entries that rise by `compareEntries`, as view keys and pages. */
export function* historyPages(
  entries: readonly HistoryEntry[],
): Generator<readonly [viewKey: string, page: Uint8Array], undefined> {
  for (let from = 0; from < entries.length; ) {
    let bytes = 0
    let end = from
    for (; end < entries.length; end++) {
      const more = entryBytes(entries[end] as HistoryEntry)
      if (end > from && bytes + more > pageBytesMax && !belongTogether(entries, end)) break
      bytes += more
    }
    const writer = new ByteWriter(bytes)
    for (let at = from; at < end; at++) {
      const { supersededAt, key, kind, record } = entries[at] as HistoryEntry
      writer.u8(kinds.indexOf(kind)).u64(supersededAt).binary(key).bytes(record)
    }
    const { supersededAt, key } = entries[end - 1] as HistoryEntry
    yield [historyKey(key, supersededAt), writer.finish()]
    from = end
  }
}

export function readHistoryPage(page: Uint8Array): readonly HistoryEntry[] {
  return readRecord(page, (reader) => {
    const entries: HistoryEntry[] = []
    while (reader.remaining > 0) {
      const kind = kinds[reader.u8()]
      assert(kind !== undefined, 'an entry of the history of no kind')
      entries.push({ kind, supersededAt: reader.u64(), key: reader.binary() as Key, record: reader.bytes() })
    }
    return entries
  })
}

/** How many items are in what may be a page; undefined when it is none. */
export function itemsInPage(bytes: Uint8Array): number | undefined {
  try {
    const reader = new ByteReader(bytes)
    let items = 0
    while (reader.remaining > 0) {
      const kind = kinds[reader.u8()]
      reader.u64()
      reader.raw(reader.u16())
      reader.bytes()
      if (kind === undefined) return undefined
      if (kind !== 'deletion') items++
    }
    return items
  } catch (error) {
    if (error instanceof BytesError) return undefined
    throw error
  }
}

/** The item that the revision ended, as a view on the page; undefined when it is not in it. */
export function findInPage(page: Uint8Array, key: Key, supersededAt: number): Uint8Array | undefined {
  return readRecord(page, (reader) => {
    let found: Uint8Array | undefined
    while (reader.remaining > 0) {
      const isItem = kinds[reader.u8()] !== 'deletion'
      const isOfRevision = reader.u64() === supersededAt
      const name = reader.raw(reader.u16())
      const record = reader.bytes()
      if (isItem && isOfRevision && toBinary(name) === key) found = record
    }
    return found
  })
}

/** Beside the mark that it was deleted: otherwise both would lie under one view key. */
function belongTogether(entries: readonly HistoryEntry[], at: number): boolean {
  const [before, entry] = [entries[at - 1], entries[at]]
  assert(before !== undefined && entry !== undefined, 'no entry')
  return before.supersededAt === entry.supersededAt && before.key === entry.key
}

function rank({ kind }: HistoryEntry): number {
  return kind === 'deletion' ? 1 : 0
}
