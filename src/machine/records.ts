/** Values of the machine's View (`layout.ts`). Only this machine writes them, so what cannot be read is a bug: asserted. */

import { assert } from '../base/assert.ts'
import { allocateBytes, ByteReader, BytesError, ByteWriter } from '../base/bytes.ts'
import { PaxosError } from '../base/error.ts'
import { chainBytes } from './chain.ts'
import { metaKey } from './layout.ts'
import type { Item, Key } from './request.ts'
import type { ReadView } from './view.ts'

export interface Meta {
  /** Slots below are applied. */
  readonly appliedUpTo: number
  readonly revision: number
  readonly compactedRevision: number
  /** Replicated clock: the greatest time that a batch or barrier brought. */
  readonly clockMs: number
  /** Clock at the last barrier: no session ends before a full time to live after it. */
  readonly barrierMs: number
  /** The last session number given. Numbers are never given twice. */
  readonly lastSession: number
  /** The hash chain over applied entries: since which slot it runs, and its value at `appliedUpTo`. */
  readonly chainSince: number
  readonly chain: Uint8Array
}

export const emptyMeta: Meta = {
  appliedUpTo: 0,
  revision: 0,
  compactedRevision: 0,
  clockMs: 0,
  barrierMs: 0,
  lastSession: 0,
  chainSince: 0,
  chain: new Uint8Array(chainBytes),
}

/** The last stop sign that was applied. */
export interface StopSign {
  readonly slot: number
  /** The entry's payload: the epoch that begins after it. */
  readonly payload: Uint8Array
}

export function encodeStopSignRecord({ slot, payload }: StopSign): Uint8Array {
  return new ByteWriter(12 + payload.length).u64(slot).bytes(payload).finish()
}

export function decodeStopSignRecord(record: Uint8Array): StopSign {
  return readRecord(record, (reader) => ({ slot: reader.u64(), payload: reader.bytes() }))
}

/** Of the whole state. Builds before the first release wrote 1 to 3, which had no chain, or a record for each item of the history. */
export const metaFormat = 4
/** After the first byte, which is the format. */
export const metaIntegers = 7
export const metaBytes = 1 + 8 * metaIntegers + chainBytes

/** That of a machine to which nothing was applied if there is none. Throws like `decodeMeta`. */
export function metaOf(view: Pick<ReadView, 'get'>): Meta {
  const record = view.get(metaKey)
  return record === undefined ? emptyMeta : decodeMeta(record)
}

export function encodeMeta(meta: Meta): Uint8Array {
  return new ByteWriter(metaBytes)
    .u8(metaFormat)
    .u64(meta.appliedUpTo)
    .u64(meta.revision)
    .u64(meta.compactedRevision)
    .u64(meta.clockMs)
    .u64(meta.barrierMs)
    .u64(meta.lastSession)
    .u64(meta.chainSince)
    .raw(meta.chain)
    .finish()
}

/** Throws PaxosError DATA_DIR_REFUSED when a version of another format wrote the state. */
export function decodeMeta(record: Uint8Array): Meta {
  const format = record[0] ?? 0
  if (format !== metaFormat) {
    const hint =
      format < metaFormat
        ? 'A build before the first release wrote it: `paxos kv export` with that one, and `paxos kv import` with this one.'
        : 'Run the version of paxos that wrote it, or a newer one.'
    const message = `Cannot read the state: its format is ${format}, this version knows ${metaFormat}`
    throw new PaxosError('DATA_DIR_REFUSED', message, { hint })
  }
  return readRecord(record, (reader) => {
    reader.u8()
    return {
      appliedUpTo: reader.u64(),
      revision: reader.u64(),
      compactedRevision: reader.u64(),
      clockMs: reader.u64(),
      barrierMs: reader.u64(),
      lastSession: reader.u64(),
      chainSince: reader.u64(),
      chain: reader.raw(chainBytes),
    }
  })
}

export const itemHeaderBytes = 24

/** Written by hand: this is the one record of a put, and a ByteWriter would copy the value twice. */
export function encodeItem(
  createRevision: number,
  modRevision: number,
  version: number,
  value: Uint8Array,
): Uint8Array {
  const record = allocateBytes(itemHeaderBytes + value.length)
  writeU64(record, 0, createRevision)
  writeU64(record, 8, modRevision)
  writeU64(record, 16, version)
  record.set(value, itemHeaderBytes)
  return record
}

/** Its value is a view on the record. */
export function decodeItem(key: Key, record: Uint8Array): Item {
  assert(record.length >= itemHeaderBytes, 'item record of %s bytes', record.length)
  return {
    key,
    value: record.subarray(itemHeaderBytes),
    createRevision: readU64(record, 0),
    modRevision: readU64(record, 8),
    version: readU64(record, 16),
  }
}

export function createRevisionOf(record: Uint8Array): number {
  return readU64(record, 0)
}

export function modRevisionOf(record: Uint8Array): number {
  return readU64(record, 8)
}

export function versionOf(record: Uint8Array): number {
  return readU64(record, 16)
}

/** Of the revision that made what was deleted: whoever asks for an earlier one needs not look at it. */
export function encodeDeletion(createRevision: number): Uint8Array {
  return new ByteWriter(8).u64(createRevision).finish()
}

export function decodeDeletion(record: Uint8Array): number {
  return readRecord(record, (reader) => reader.u64())
}

export interface SessionRecord {
  readonly ttlMs: number
  /** On the replicated clock. The session is over at this time, unless a barrier extended it. */
  readonly deadlineMs: number
  readonly ackedBelow: number
}

export function encodeSession({ ttlMs, deadlineMs, ackedBelow }: SessionRecord): Uint8Array {
  return new ByteWriter(24).u64(ttlMs).u64(deadlineMs).u64(ackedBelow).finish()
}

export function decodeSession(record: Uint8Array): SessionRecord {
  return readRecord(record, (reader) => ({ ttlMs: reader.u64(), deadlineMs: reader.u64(), ackedBelow: reader.u64() }))
}

export interface StoredReply {
  readonly seq: number
  /** As `encodeReply` made it. */
  readonly reply: Uint8Array
}

export function encodeReplies(replies: readonly StoredReply[]): Uint8Array {
  let length = 0
  for (const each of replies) length += storedReplyBytes(each)
  const writer = new ByteWriter(length)
  for (const { seq, reply } of replies) writer.u64(seq).bytes(reply)
  return writer.finish()
}

export function decodeReplies(record: Uint8Array): readonly StoredReply[] {
  return readRecord(record, (reader) => {
    const replies: StoredReply[] = []
    while (reader.remaining > 0) replies.push({ seq: reader.u64(), reply: reader.bytes() })
    return replies
  })
}

/** Of one reply in what `encodeReplies` makes. */
export function storedReplyBytes({ reply }: StoredReply): number {
  return 12 + reply.length
}

export function readRecord<T>(record: Uint8Array, read: (reader: ByteReader) => T): T {
  try {
    const reader = new ByteReader(record)
    const value = read(reader)
    reader.end()
    return value
  } catch (error) {
    assert(!(error instanceof BytesError), 'unreadable record of %s bytes', record.length)
    throw error
  }
}

function writeU64(bytes: Uint8Array, at: number, value: number): void {
  const high = Math.floor(value / 4294967296)
  bytes[at] = high >>> 24
  bytes[at + 1] = high >>> 16
  bytes[at + 2] = high >>> 8
  bytes[at + 3] = high
  bytes[at + 4] = value >>> 24
  bytes[at + 5] = value >>> 16
  bytes[at + 6] = value >>> 8
  bytes[at + 7] = value
}

function readU64(bytes: Uint8Array, at: number): number {
  let value = 0
  for (let i = at; i < at + 8; i++) value = value * 256 + (bytes[i] ?? 0)
  return value
}
