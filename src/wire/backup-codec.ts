/**
 * How a backup lies in a file: frames (frame.ts), each with checksums of its own.
 *
 *   header     JSON: what it is, its format, the version of the program
 *   chunk      u32 index, u32 length of the entries, the entries compressed with zstd; in key order, index from 0.
 *              Records of the machine in a full backup, entries of the log in an increment (increment-codec.ts).
 *   manifest   JSON: what the chunks add up to. The last frame.
 *   abandoned  Nothing. What came before is void, and another header follows: a stream was begun again with another node.
 */
import { ByteReader, BytesError, ByteWriter } from '../base/bytes.ts'
import { PaxosError } from '../base/error.ts'
import { encodeFrame, encodeFrameParts } from './frame.ts'
import { badFrame } from './frame-error.ts'

/** Types of frames. Numbers are for ever. */
export const backupFrame = { header: 1, chunk: 2, manifest: 3, abandoned: 4 } as const

/** Of a full backup, and of an increment, which no program took for a backup that knew only the first. */
export const backupFormat = 1
export const incrementFormat = 2
/** Raised when an older program could misread a file. */
const newestFormat = 2

/** One record may be as large as all replies that a session keeps, and is never split. */
export const backupEntriesBytesMax = 128 * 1024 * 1024
export const backupFrameBytesMax = backupEntriesBytesMax + 64 * 1024

const kind = 'paxos backup'
export const noBackup = 'it is no backup, or its beginning is damaged'

export type BackupEntry = readonly [key: string, value: Uint8Array]

export interface BackupHeader {
  readonly format: number
  /** Version of the program that wrote it. */
  readonly program: string
}

export function encodeBackupHeader(program: string, format: number = backupFormat): Uint8Array {
  return encodeFrame(backupFrame.header, jsonBytes({ kind, format, program }))
}

/** Throws PaxosError BAD_FRAME when it is none, BACKUP_REFUSED when it is one of a newer version. */
export function decodeBackupHeader(payload: Uint8Array): BackupHeader {
  const value = parseJson(payload)
  if (value === undefined || value['kind'] !== kind) throw badFrame(noBackup)
  const { format, program } = value
  if (!isCount(format) || typeof program !== 'string') throw badFrame('the header is not one of a backup')
  if (format > newestFormat) {
    throw new PaxosError('BACKUP_REFUSED', `it has format ${format}, and this version knows up to ${newestFormat}`, {
      hint: `Use paxos ${program.slice(0, 40)}, which wrote it, or a newer one.`,
    })
  }
  return { format, program }
}

export function encodeEntries(entries: readonly BackupEntry[]): Uint8Array {
  let length = 0
  for (const [key, value] of entries) length += 6 + key.length + value.length
  const writer = new ByteWriter(length)
  for (const [key, value] of entries) writer.binary(key).bytes(value)
  return writer.finish()
}

export interface PlacedEntry {
  readonly key: string
  /** A view on the chunk. */
  readonly value: Uint8Array
  /** Offset of the entry in the chunk, and of what follows it. */
  readonly start: number
  readonly end: number
}

/** Throws PaxosError BAD_FRAME. */
export function* decodeEntries(bytes: Uint8Array): Generator<PlacedEntry> {
  const reader = new ByteReader(bytes)
  while (reader.remaining > 0) {
    const start = bytes.length - reader.remaining
    const [key, value] = readEntry(reader)
    yield { key, value, start, end: bytes.length - reader.remaining }
  }
}

export function encodeChunk(index: number, entriesLength: number, compressed: Uint8Array): Uint8Array {
  return encodeFrameParts(backupFrame.chunk, [new ByteWriter(8).u32(index).u32(entriesLength).finish(), compressed])
}

export interface BackupChunk {
  readonly index: number
  /** Of the entries before compression. */
  readonly entriesLength: number
  readonly compressed: Uint8Array
}

/** Throws PaxosError BAD_FRAME. */
export function decodeChunk(payload: Uint8Array): BackupChunk {
  if (payload.length < 8) throw badFrame('a chunk without its head')
  const reader = new ByteReader(payload)
  const index = reader.u32()
  const entriesLength = reader.u32()
  if (entriesLength > backupEntriesBytesMax) throw badFrame(`a chunk of ${entriesLength} bytes`)
  return { index, entriesLength, compressed: reader.raw(reader.remaining) }
}

export function encodeAbandoned(): Uint8Array {
  return encodeFrame(backupFrame.abandoned, new Uint8Array(0))
}

function readEntry(reader: ByteReader): BackupEntry {
  try {
    return [reader.binary(), reader.bytes()]
  } catch (error) {
    if (error instanceof BytesError) throw badFrame(`an entry of a chunk: ${error.message}`)
    throw error
  }
}

export function jsonBytes(value: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value))
}

/** Undefined when it is no JSON object. */
export function parseJson(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    return undefined
  }
}

export function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
