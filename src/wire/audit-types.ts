/** What the JSON answers of the audit trail hold. */
import type { AuditAction } from '../machine/audit-record.ts'

/** What `POST /v1/audit` records; the node records everything else by itself. */
export const noteActions = ['note', 'maintenance-begin', 'maintenance-end'] as const
export type NoteAction = (typeof noteActions)[number]

/** One key, or a range without its end. */
export interface AuditRangeJson {
  readonly key?: string
  readonly key64?: string
  readonly start?: string
  readonly start64?: string
  readonly end?: string
  readonly end64?: string
}

export interface AuditRecordJson {
  /** In its trail. */
  readonly number: number
  readonly slot: number
  /** Of the cluster's clock. */
  readonly time: string
  readonly revision: number
  readonly action: AuditAction
  /** Whom the client claimed to be; null when it did not say. */
  readonly actor: string | null
  /** That took the request. */
  readonly node: string
  /** Where the client connected from; null: the node's local socket. */
  readonly address: string | null
  readonly detail: string
  readonly keys: readonly AuditRangeJson[]
  readonly keysLeftOut: number
}

export interface AuditTrailJson {
  /** Newest first. */
  readonly records: readonly AuditRecordJson[]
  /** `before` of the next page; null when nothing older is kept. */
  readonly next: number | null
  readonly revision: number
}

export interface AuditChangeJson {
  readonly revision: number
  /** Null when only the trail knows of it, and it was one of a transaction's changes. */
  readonly kind: 'put' | 'delete' | null
  /** Null when writes were not audited then, or the record is not kept any more. */
  readonly record: AuditRecordJson | null
}

export interface AuditChangesJson {
  /** Newest first. */
  readonly changes: readonly AuditChangeJson[]
  readonly next: number | null
  readonly compactedRevision: number
  readonly revision: number
}

export interface AuditNotedJson {
  readonly number: number
  readonly slot: number
}
