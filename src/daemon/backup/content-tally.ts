import { createHash, type Hash } from 'node:crypto'
import { itemsInPage } from '../../machine/history-page.ts'
import { metaKey, recordKind } from '../../machine/layout.ts'
import {
  decodeMeta,
  emptyMeta,
  itemHeaderBytes,
  type Meta,
  metaBytes,
  metaFormat,
  metaIntegers,
} from '../../machine/records.ts'
import { decodeEntries } from '../../wire/backup-codec.ts'
import type { BackupContent } from '../../wire/backup-manifest.ts'
import { badFrame } from '../../wire/frame-error.ts'

/** Adds up what the chunks of a backup hold. Who writes one and who reads it count in the same way, or they disagree. */
export class ContentTally {
  readonly #all: Hash = createHash('sha256')
  readonly #items: Hash = createHash('sha256')
  readonly #counts = { item: 0, history: 0, session: 0, audit: 0, meta: 0, other: 0 }
  #entries = 0
  #bytes = 0
  #chunks = 0
  #lastKey = ''
  #meta = emptyMeta

  get meta(): Meta {
    return this.#meta
  }

  get chunks(): number {
    return this.#chunks
  }

  get entries(): number {
    return this.#entries
  }

  /** The entries of the next chunk. Throws PaxosError BAD_FRAME when they cannot be those of a machine's data. */
  add(chunk: Uint8Array): void {
    let itemsStart = -1
    let itemsEnd = -1
    for (const { key, value, start, end } of decodeEntries(chunk)) {
      if (key <= this.#lastKey) throw badFrame('keys that do not rise')
      this.#lastKey = key
      const kind = recordKind(key)
      // What is no page was written by a version of another format: the record of its meta, which comes later, says so.
      this.#counts[kind] += kind === 'history' ? (itemsInPage(value) ?? 1) : 1
      this.#entries++
      if (kind === 'meta') this.#meta = readMeta(value)
      if (kind !== 'item') continue
      if (value.length < itemHeaderBytes) throw badFrame(`an item of ${value.length} bytes`)
      if (itemsStart < 0) itemsStart = start
      itemsEnd = end
    }
    this.#all.update(chunk)
    // Keys rise, so all items lie side by side.
    if (itemsStart >= 0) this.#items.update(chunk.subarray(itemsStart, itemsEnd))
    this.#bytes += chunk.length
    this.#chunks++
  }

  /** Once, at the end. */
  content(): BackupContent {
    const { revision, compactedRevision, appliedUpTo } = this.#meta
    return {
      revision,
      compactedRevision,
      applied: appliedUpTo,
      keys: this.#counts.item,
      history: this.#counts.history,
      sessions: this.#counts.session,
      entries: this.#entries,
      bytes: this.#bytes,
      chunks: this.#chunks,
      contentSha256: this.#all.digest('hex'),
      keysSha256: this.#items.digest('hex'),
    }
  }
}

/** Throws PaxosError DATA_DIR_REFUSED when a version of another format wrote it. */
function readMeta(record: Uint8Array): Meta {
  if (record[0] === metaFormat && !hasShape(record)) throw badFrame(`the record ${metaKey} cannot be read`)
  return decodeMeta(record)
}

/** Its integers are below 2^53. */
function hasShape(record: Uint8Array): boolean {
  if (record.length !== metaBytes) return false
  const starts = Array.from({ length: metaIntegers }, (_, index) => 1 + 8 * index)
  return starts.every((at) => record[at] === 0 && (record[at + 1] ?? 0) < 0x20)
}
