/**
 * What lies in the journal (journal.ts): records, each from the beginning of a block on.
 *
 *   magic (u32), checksum (u32), bytes of the body (u32), run (8 bytes), number (u64), body
 *
 * The body is the changes of one record, one after another: bytes of the key (u16), bytes of the value (u32; all ones for
 * a removal), key, value. The checksum is that of record.ts, over all that follows it. A run is random, drawn whenever the
 * directory is opened, and numbers rise by one: what an earlier run left in the file is never taken for a record of this one.
 */
import { crc32 } from 'node:zlib'
import { assert } from '../../base/assert.ts'
import { ByteReader, BytesError, ByteWriter } from '../../base/bytes.ts'
import type { TreeWrite } from './record-tree.ts'

/**
 * A record has blocks of its own, so that writing it cannot damage one that was acknowledged: file systems and disks write
 * whole blocks.
 */
export const blockBytes = 4096

const magic = 0x50584a31
const removed = 0xffffffff
/** Of the parts of a head. */
const sumAt = 4
const bytesAt = 8
const runAt = 12
const numberAt = 20
const headBytes = 28
const writeHeadBytes = 6

export const runBytes = 8

export interface JournalRecord {
  readonly number: number
  readonly writes: readonly TreeWrite[]
  /** Whole blocks. */
  readonly bytes: number
}

/** Of the record in the file: whole blocks. */
export function recordBytes(writes: readonly TreeWrite[]): number {
  let bytes = headBytes
  for (const { key, value } of writes) bytes += writeHeadBytes + key.length + (value?.length ?? 0)
  return wholeBlocks(bytes)
}

function wholeBlocks(bytes: number): number {
  return Math.ceil(bytes / blockBytes) * blockBytes
}

/** `into` has as many bytes as `recordBytes` says. */
export function fillRecord(into: Buffer, run: Uint8Array, number: number, writes: readonly TreeWrite[]): void {
  let at = headBytes
  for (const { key, value } of writes) {
    into.writeUInt16BE(key.length, at)
    into.writeUInt32BE(value === undefined ? removed : value.length, at + 2)
    into.set(key, at + writeHeadBytes)
    at += writeHeadBytes + key.length
    if (value === undefined) continue
    into.set(value, at)
    at += value.length
  }
  into.writeUInt32BE(magic, 0)
  into.writeUInt32BE(at - headBytes, bytesAt)
  into.set(run, runAt)
  into.set(new ByteWriter(8).u64(number).finish(), numberAt)
  into.writeUInt32BE(crc32(into.subarray(bytesAt, at)), sumAt)
  assert(into.length === wholeBlocks(at), 'a record of another size than was reckoned')
  into.fill(0, at)
}

/** The record of this run that begins at `at`; undefined when there is none, or not whole. */
export function readRecord(file: Buffer, at: number, run: Uint8Array): JournalRecord | undefined {
  if (at + headBytes > file.length || file.readUInt32BE(at) !== magic) return undefined
  const end = at + headBytes + file.readUInt32BE(at + bytesAt)
  if (end > file.length || file.compare(run, 0, run.length, at + runAt, at + numberAt) !== 0) return undefined
  if (crc32(file.subarray(at + bytesAt, end)) !== file.readUInt32BE(at + sumAt)) return undefined
  try {
    const reader = new ByteReader(file.subarray(at + numberAt, end))
    const number = reader.u64()
    const writes: TreeWrite[] = []
    while (reader.remaining > 0) {
      const keyBytes = reader.u16()
      const valueBytes = reader.u32()
      const key = reader.raw(keyBytes)
      writes.push({ key, value: valueBytes === removed ? undefined : reader.raw(valueBytes) })
    }
    return { number, writes, bytes: wholeBlocks(end - at) }
  } catch (error) {
    // Well summed but not understood is as unreadable as ill summed.
    if (error instanceof BytesError) return undefined
    throw error
  }
}

/** Up to where the journal is in acceptor.mdb: a record there (keys.ts), changed in the transaction that takes the rest over. */
export interface JournalMark {
  /** Of the file. */
  readonly bytes: number
  readonly run: Uint8Array
  /** Of the first record that is not in acceptor.mdb, and where in the file it is if there is one: here, or at 0. */
  readonly number: number
  readonly at: number
}

export function encodeMark({ bytes, run, number, at }: JournalMark): Uint8Array {
  return new ByteWriter(24 + runBytes).u64(bytes).raw(run).u64(number).u64(at).finish()
}

export function decodeMark(body: Uint8Array): JournalMark {
  const reader = new ByteReader(body)
  const mark = { bytes: reader.u64(), run: reader.raw(runBytes), number: reader.u64(), at: reader.u64() }
  reader.end()
  return mark
}
