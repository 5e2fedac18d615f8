/**
 * The audit trails in the view: what operators did, and audited writes.
 *
 * - A record has the next number of its trail; the one that then is as many behind as are kept is deleted, if there is one.
 * - Numbers and revisions rise together in the trail of writes, so who made a revision is found by halving.
 * - Nothing is written before the first record: data and chains of a cluster without a trail are what they always were.
 */
import { ByteWriter } from '../base/bytes.ts'
import {
  type AuditRecord,
  decodeAuditRecord,
  encodeAuditRecord,
  names,
  type TrailName,
  trailOf,
} from './audit-record.ts'
import { auditAdminKept, auditAnswerMax, auditScanRecords, auditWritesKept } from './bounds.ts'
import { trailEndsKey, trailKey } from './layout.ts'
import { readRecord } from './records.ts'
import type { AuditQuery } from './request.ts'
import type { View } from './view.ts'

const kept: Readonly<Record<TrailName, number>> = { admin: auditAdminKept, writes: auditWritesKept }

/** What is told of each record, so that the hash chain covers it. */
export interface TrailChanges {
  audited(number: number, record: Uint8Array): void
}

export class Trail {
  readonly #view: View
  readonly #changes: TrailChanges
  /** The number of the next record. */
  #ends: Record<TrailName, number> = { admin: 0, writes: 0 }
  #isGrown = false

  constructor(view: View, changes: TrailChanges) {
    this.#view = view
    this.#changes = changes
  }

  reload(): void {
    const record = this.#view.get(trailEndsKey)
    this.#isGrown = false
    this.#ends =
      record === undefined
        ? { admin: 0, writes: 0 }
        : readRecord(record, (reader) => ({ admin: reader.u64(), writes: reader.u64() }))
  }

  /** Gives the record's number. */
  add(record: Omit<AuditRecord, 'number'>): number {
    const trail = trailOf(record.action)
    const number = this.#ends[trail]++
    const encoded = encodeAuditRecord(record)
    this.#view.put(trailKey(trail, number), encoded)
    this.#changes.audited(number, encoded)
    const gone = number - kept[trail]
    if (gone >= 0) this.#view.delete(trailKey(trail, gone))
    this.#isGrown = true
    return number
  }

  /** Ends a slot. */
  finish(): void {
    if (!this.#isGrown) return
    this.#isGrown = false
    const { admin, writes } = this.#ends
    this.#view.put(trailEndsKey, new ByteWriter(16).u64(admin).u64(writes).finish())
  }

  /** Newest first. Looks at a bounded number of records, so it may give few or none, and say where to go on. */
  page({ trail, before, limit, key }: Omit<AuditQuery & { kind: 'trail' }, 'kind'>): {
    readonly records: readonly AuditRecord[]
    readonly next: number | undefined
  } {
    const first = this.#first(trail)
    const end = Math.min(before ?? this.#ends[trail], this.#ends[trail])
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
    const record = number < this.#ends.writes ? this.#at('writes', number) : undefined
    return record?.revision === revision ? record : undefined
  }

  /** Number of the first audited write that made this revision or a later one; the trail's end when none did. */
  firstFrom(revision: number): number {
    let low = this.#first('writes')
    let high = this.#ends.writes
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      if ((this.revisionOf(middle) ?? 0) < revision) low = middle + 1
      else high = middle
    }
    return low
  }

  /** That an audited write made. */
  revisionOf(number: number): number | undefined {
    return this.#at('writes', number)?.revision
  }

  #first(trail: TrailName): number {
    return Math.max(0, this.#ends[trail] - kept[trail])
  }

  #at(trail: TrailName, number: number): AuditRecord | undefined {
    const record = this.#view.get(trailKey(trail, number))
    return record === undefined ? undefined : decodeAuditRecord(number, record)
  }
}
