/**
 * The audit trails in the view: what operators did, and audited writes.
 *
 * - A record has the next number of its trail. What is kept has no holes, and no more bytes than the trail may have: with
 *   each record the oldest go that leave it no room. Records are bounded, so those are a bounded number.
 * - Numbers and revisions rise together in the trail of writes, so who made a revision is found by halving. No two records
 *   have one revision: each is of a write that changed something.
 * - Nothing is written before the first record: data and chains of a cluster without a trail are what they always were.
 */
import { assert } from '../base/assert.ts'
import { type ByteReader, ByteWriter } from '../base/bytes.ts'
import {
  type AuditRecord,
  decodeAuditRecord,
  encodeAuditRecord,
  names,
  type TrailName,
  trailOf,
} from './audit-record.ts'
import { auditAdminBytesMax, auditAnswerMax, auditScanRecords, auditWritesBytesMax } from './bounds.ts'
import { trailExtentsKey, trailKey } from './layout.ts'
import { readRecord } from './records.ts'
import type { AuditQuery } from './request.ts'
import type { View } from './view.ts'

const bytesKept: Readonly<Record<TrailName, number>> = { admin: auditAdminBytesMax, writes: auditWritesBytesMax }

/** The records that a trail keeps. */
interface Extent {
  first: number
  /** The number of the next one. */
  end: number
  /** With their keys. */
  bytes: number
}

/** What is told of each record, so that the hash chain covers it. */
export interface TrailChanges {
  audited(number: number, record: Uint8Array): void
}

export class Trail {
  readonly #view: View
  readonly #changes: TrailChanges
  #extents: Record<TrailName, Extent> = { admin: nothing(), writes: nothing() }
  /** Of the newest audited write that is kept. */
  #newestRevision = 0
  #isGrown = false

  constructor(view: View, changes: TrailChanges) {
    this.#view = view
    this.#changes = changes
  }

  reload(): void {
    const record = this.#view.get(trailExtentsKey)
    this.#isGrown = false
    this.#extents =
      record === undefined
        ? { admin: nothing(), writes: nothing() }
        : readRecord(record, (reader) => ({ admin: readExtent(reader), writes: readExtent(reader) }))
    const { first, end } = this.#extents.writes
    this.#newestRevision = first === end ? 0 : this.#revisionAt(end - 1)
  }

  /** Gives the record's number. */
  add(record: Omit<AuditRecord, 'number'>): number {
    const trail = trailOf(record.action)
    if (trail === 'writes') this.#mustRise(record.revision)
    const extent = this.#extents[trail]
    const number = extent.end++
    const key = trailKey(trail, number)
    const encoded = encodeAuditRecord(record)
    this.#view.put(key, encoded)
    this.#changes.audited(number, encoded)
    extent.bytes += key.length + encoded.length
    while (extent.bytes > bytesKept[trail]) this.#forgetOldest(trail)
    assert(extent.first < extent.end, 'record %s of the %s trail leaves no room for itself', number, trail)
    this.#isGrown = true
    return number
  }

  /** Ends a slot. */
  finish(): void {
    if (!this.#isGrown) return
    this.#isGrown = false
    const writer = new ByteWriter(48)
    for (const { first, end, bytes } of [this.#extents.admin, this.#extents.writes]) {
      writer.u64(first).u64(end).u64(bytes)
    }
    this.#view.put(trailExtentsKey, writer.finish())
  }

  /** Newest first. Looks at a bounded number of records, so it may give few or none, and say where to go on. */
  page({ trail, before, limit, key }: Omit<AuditQuery & { kind: 'trail' }, 'kind'>): {
    readonly records: readonly AuditRecord[]
    readonly next: number | undefined
  } {
    const { first, end: newest } = this.#extents[trail]
    const end = Math.min(before ?? newest, newest)
    const most = Math.min(limit === 0 ? auditAnswerMax : limit, auditAnswerMax)
    const records: AuditRecord[] = []
    let at = end
    for (; at > first && end - at < auditScanRecords && records.length < most; at--) {
      const record = this.#at(trail, at - 1)
      if (record !== undefined && (key === undefined || names(record, key))) records.push(record)
    }
    return { records, next: at > first ? at : undefined }
  }

  /** Who made a revision, if that was audited and is kept. */
  ofRevision(revision: number): AuditRecord | undefined {
    const number = this.firstFrom(revision)
    const record = number < this.#extents.writes.end ? this.#at('writes', number) : undefined
    return record?.revision === revision ? record : undefined
  }

  /** Number of the first audited write that made this revision or a later one; the trail's end when none did. */
  firstFrom(revision: number): number {
    let { first: low, end: high } = this.#extents.writes
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      if (this.#revisionAt(middle) < revision) low = middle + 1
      else high = middle
    }
    return low
  }

  /** That an audited write made. */
  revisionOf(number: number): number | undefined {
    return this.#at('writes', number)?.revision
  }

  #mustRise(revision: number): void {
    const newest = this.#newestRevision
    assert(revision > newest, 'an audited write at revision %s, after one at %s', revision, newest)
    this.#newestRevision = revision
  }

  #revisionAt(number: number): number {
    const revision = this.revisionOf(number)
    assert(revision !== undefined, 'the writes trail has no record %s, which it should keep', number)
    return revision
  }

  #forgetOldest(trail: TrailName): void {
    const extent = this.#extents[trail]
    const key = trailKey(trail, extent.first)
    const record = this.#view.get(key)
    assert(record !== undefined, 'the %s trail has no record %s, and ends at %s', trail, extent.first, extent.end)
    this.#view.delete(key)
    extent.first++
    extent.bytes -= key.length + record.length
    assert(extent.bytes >= 0, 'the %s trail forgot more than it has', trail)
  }

  #at(trail: TrailName, number: number): AuditRecord | undefined {
    const record = this.#view.get(trailKey(trail, number))
    return record === undefined ? undefined : decodeAuditRecord(number, record)
  }
}

function nothing(): Extent {
  return { first: 0, end: 0, bytes: 0 }
}

function readExtent(reader: ByteReader): Extent {
  const [first, end, bytes] = [reader.u64(), reader.u64(), reader.u64()]
  assert(first <= end, 'a trail from record %s to %s', first, end)
  assert((first === end) === (bytes === 0), 'a trail from record %s to %s of %s bytes', first, end, bytes)
  return { first, end, bytes }
}
