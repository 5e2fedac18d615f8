import type { Brand } from '../base/brand.ts'
import type { ErrorCode } from '../base/error.ts'
import type { Slot } from '../protocol/ids.ts'
import type { Origin } from '../protocol/origin.ts'
import type { AdminAction, AuditRecord, TrailName } from './audit-record.ts'

/** A key as a binary string (one unit 0..255 per byte), 1..1024 bytes: `<` on it is byte order. */
export type Key = Brand<string, 'Key'>

/**
 * Under it the command line notes who takes nodes down, one at a time. The machine treats it like any other key; only the
 * check for room lets it pass.
 */
export const maintenanceKey = 'paxos-maintenance'

/** Half-open. `end` undefined means no upper bound. A single key is [key, key + NUL). */
export interface KeyRange {
  readonly start: string
  readonly end: string | undefined
}

export interface Compare {
  readonly key: Key
  readonly target: 'value' | 'version' | 'createRevision' | 'modRevision'
  readonly op: '=' | '!=' | '<' | '>'
  /** Bytes for `value`, a number otherwise. A key that does not exist has value empty and counters 0. */
  readonly operand: Uint8Array | number
}

export type Operation =
  | { readonly kind: 'put'; readonly key: Key; readonly value: Uint8Array }
  | { readonly kind: 'get'; readonly range: KeyRange; readonly limit: number }
  | { readonly kind: 'delete'; readonly range: KeyRange }

/** What the log holds. `ifVersion` 0 means that the key must not exist. */
export type Command =
  | { readonly kind: 'put'; readonly key: Key; readonly value: Uint8Array; readonly ifVersion: number | undefined }
  | { readonly kind: 'delete'; readonly key: Key; readonly ifVersion: number | undefined }
  | { readonly kind: 'deleteRange'; readonly range: KeyRange }
  | {
      readonly kind: 'txn'
      readonly compare: readonly Compare[]
      readonly then: readonly Operation[]
      readonly else: readonly Operation[]
    }
  | { readonly kind: 'compact'; readonly revision: number }
  | { readonly kind: 'openSession'; readonly ttlMs: number }
  | { readonly kind: 'closeSession' }
  | { readonly kind: 'keepAlive' }
  /** For the audit trail: something that an operator did which the log does not hold otherwise. */
  | { readonly kind: 'note'; readonly action: AdminAction; readonly detail: string }

/** Makes a retry safe: the same (id, seq) is applied once and answered with the first reply. */
export interface SessionStamp {
  readonly id: number
  readonly seq: number
  /** The client has the replies to every seq below: they may be forgotten. */
  readonly ackedBelow: number
}

export interface Request {
  readonly session: SessionStamp | undefined
  readonly command: Command
  /** Put there by the node that takes the request, when what the command changes goes into the audit trail. */
  readonly origin?: Origin
}

/** What one slot of kind `batch` holds. `timeMs` is the leader's wall clock, made monotone when applied. */
export interface Batch {
  readonly timeMs: number
  /** Encoded requests, in order. */
  readonly requests: readonly Uint8Array[]
}

export interface Item {
  readonly key: Key
  readonly value: Uint8Array
  readonly createRevision: number
  readonly modRevision: number
  readonly version: number
}

export type OperationResult =
  | { readonly kind: 'put'; readonly version: number }
  | { readonly kind: 'get'; readonly items: readonly Item[]; readonly more: boolean }
  | { readonly kind: 'delete'; readonly deleted: number }

/** Deterministic: every replica computes the same reply, errors included. */
export type Reply =
  | { readonly kind: 'put'; readonly slot: Slot; readonly revision: number; readonly version: number }
  | { readonly kind: 'delete'; readonly slot: Slot; readonly revision: number; readonly deleted: number }
  | {
      readonly kind: 'txn'
      readonly slot: Slot
      readonly revision: number
      readonly succeeded: boolean
      readonly results: readonly OperationResult[]
    }
  | { readonly kind: 'compact'; readonly slot: Slot; readonly revision: number; readonly compacted: number }
  | { readonly kind: 'session'; readonly slot: Slot; readonly id: number; readonly ttlMs: number }
  /** `number` is that of the record in the trail of operators' actions. */
  | { readonly kind: 'noted'; readonly slot: Slot; readonly number: number }
  | { readonly kind: 'error'; readonly slot: Slot; readonly code: ErrorCode; readonly message: string }

/** Reads do not touch the log. `revision` undefined means the newest. */
export type DataQuery =
  | { readonly kind: 'get'; readonly key: Key; readonly revision: number | undefined }
  | {
      readonly kind: 'range'
      readonly range: KeyRange
      readonly limit: number
      readonly revision: number | undefined
      readonly keysOnly: boolean
    }

/** `limit` 0 is the machine's own. */
export type AuditQuery =
  /** Records of the audit trail below number `before`, the newest first; with a key, only those that name it. */
  | {
      readonly kind: 'trail'
      readonly trail: TrailName
      readonly before: number | undefined
      readonly limit: number
      readonly key: Key | undefined
    }
  /** What changed a key at revisions below `before`, the newest first. */
  | { readonly kind: 'changes'; readonly key: Key; readonly before: number | undefined; readonly limit: number }

export type Query = DataQuery | AuditQuery

/** One change of a key. */
export interface KeyChange {
  readonly revision: number
  /** Undefined when only the audit trail knows of it, and it was one of a transaction's changes. */
  readonly kind: 'put' | 'delete' | undefined
  /** Who made it, if writes were audited then. */
  readonly record: AuditRecord | undefined
}

/** `revision` is the store's revision when the query was answered. */
export type Answer =
  | { readonly kind: 'item'; readonly item: Item | undefined; readonly revision: number }
  | { readonly kind: 'items'; readonly items: readonly Item[]; readonly more: boolean; readonly revision: number }
  | {
      readonly kind: 'trail'
      readonly records: readonly AuditRecord[]
      /** `before` of what follows; undefined when nothing older is kept. */
      readonly next: number | undefined
      readonly revision: number
    }
  | {
      readonly kind: 'changes'
      readonly changes: readonly KeyChange[]
      readonly next: number | undefined
      readonly compactedRevision: number
      readonly revision: number
    }
  | { readonly kind: 'error'; readonly code: ErrorCode; readonly message: string; readonly revision: number }
