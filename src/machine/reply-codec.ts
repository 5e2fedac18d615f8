/**
 * Replies, queries and answers as bytes: they travel between nodes, and replies are stored so that a retry gets the same
 * one. What a code stands for never changes. Decoders throw PaxosError BAD_REQUEST, and nothing else; values are views on
 * the bytes that were decoded.
 */
import { unreachable } from '../base/assert.ts'
import { type ByteReader, BytesError, ByteWriter } from '../base/bytes.ts'
import { type ErrorCode, isErrorCode } from '../base/error.ts'
import { toSlot } from '../protocol/ids.ts'
import { readAuditQuery, readChanges, readTrail, writeAuditQuery, writeChanges, writeTrail } from './audit-codec.ts'
import { readKey, readRange, writeRange } from './key-codec.ts'
import { decodeWhole, pick, readFlag } from './malformed.ts'
import type { Answer, Item, OperationResult, Query, Reply } from './request.ts'

const replyKinds = [
  'put',
  'delete',
  'txn',
  'compact',
  'session',
  'error',
  'noted',
] as const satisfies readonly Reply['kind'][]
const resultKinds = ['put', 'get', 'delete'] as const satisfies readonly OperationResult['kind'][]
const queryKinds = ['get', 'range', 'trail', 'changes'] as const satisfies readonly Query['kind'][]
const answerKinds = ['item', 'items', 'error', 'trail', 'changes'] as const satisfies readonly Answer['kind'][]

export function encodeReply(reply: Reply): Uint8Array {
  const writer = new ByteWriter(40).u8(replyKinds.indexOf(reply.kind)).u64(reply.slot)
  switch (reply.kind) {
    case 'put':
      return writer.u64(reply.revision).u64(reply.version).finish()
    case 'delete':
      return writer.u64(reply.revision).u64(reply.deleted).finish()
    case 'txn':
      writer.u64(reply.revision).u8(Number(reply.succeeded)).u16(reply.results.length)
      for (const result of reply.results) writeResult(writer, result)
      return writer.finish()
    case 'compact':
      return writer.u64(reply.revision).u64(reply.compacted).finish()
    case 'session':
      return writer.u64(reply.id).u64(reply.ttlMs).finish()
    case 'noted':
      return writer.u64(reply.number).finish()
    case 'error':
      return writeError(writer, reply).finish()
    default:
      return unreachable(reply)
  }
}

export function decodeReply(bytes: Uint8Array): Reply {
  return decodeWhole('reply', bytes, (reader) => {
    const kind = pick(replyKinds, reader.u8(), 'reply')
    const slot = toSlot(reader.u64())
    switch (kind) {
      case 'put':
        return { kind, slot, revision: reader.u64(), version: reader.u64() }
      case 'delete':
        return { kind, slot, revision: reader.u64(), deleted: reader.u64() }
      case 'txn':
        return { kind, slot, revision: reader.u64(), succeeded: readFlag(reader, 'flag'), results: readResults(reader) }
      case 'compact':
        return { kind, slot, revision: reader.u64(), compacted: reader.u64() }
      case 'session':
        return { kind, slot, id: reader.u64(), ttlMs: reader.u64() }
      case 'noted':
        return { kind, slot, number: reader.u64() }
      case 'error':
        return { kind, slot, ...readError(reader) }
      default:
        return unreachable(kind)
    }
  })
}

export function encodeQuery(query: Query): Uint8Array {
  const writer = new ByteWriter().u8(queryKinds.indexOf(query.kind))
  if (query.kind === 'trail' || query.kind === 'changes') return writeAuditQuery(writer, query).finish()
  if (query.kind === 'get') {
    writer.binary(query.key)
  } else {
    writeRange(writer, query.range)
    writer.u32(query.limit).u8(Number(query.keysOnly))
  }
  if (query.revision === undefined) writer.u8(0)
  else writer.u8(1).u64(query.revision)
  return writer.finish()
}

export function decodeQuery(bytes: Uint8Array): Query {
  return decodeWhole('query', bytes, (reader) => {
    const kind = pick(queryKinds, reader.u8(), 'query')
    if (kind === 'get') return { kind, key: readKey(reader), revision: readRevision(reader) }
    if (kind === 'trail' || kind === 'changes') return readAuditQuery(reader, kind)
    const range = readRange(reader)
    const limit = reader.u32()
    return { kind, range, limit, keysOnly: readFlag(reader, 'flag'), revision: readRevision(reader) }
  })
}

export function encodeAnswer(answer: Answer): Uint8Array {
  const writer = new ByteWriter(answerCapacity(answer)).u8(answerKinds.indexOf(answer.kind)).u64(answer.revision)
  switch (answer.kind) {
    case 'item':
      if (answer.item === undefined) return writer.u8(0).finish()
      writeItem(writer.u8(1), answer.item)
      return writer.finish()
    case 'items':
      writeItems(writer, answer)
      return writer.finish()
    case 'trail':
      return writeTrail(writer, answer).finish()
    case 'changes':
      return writeChanges(writer, answer).finish()
    case 'error':
      return writeError(writer, answer).finish()
    default:
      return unreachable(answer)
  }
}

export function decodeAnswer(bytes: Uint8Array): Answer {
  return decodeWhole('answer', bytes, (reader) => {
    const kind = pick(answerKinds, reader.u8(), 'answer')
    const revision = reader.u64()
    switch (kind) {
      case 'item':
        return { kind, item: readFlag(reader, 'flag') ? readItem(reader) : undefined, revision }
      case 'items':
        return { kind, ...readItems(reader), revision }
      case 'trail':
        return { kind, ...readTrail(reader), revision }
      case 'changes':
        return { kind, ...readChanges(reader), revision }
      case 'error':
        return { kind, ...readError(reader), revision }
      default:
        return unreachable(kind)
    }
  })
}

function writeResult(writer: ByteWriter, result: OperationResult): void {
  writer.u8(resultKinds.indexOf(result.kind))
  switch (result.kind) {
    case 'put':
      writer.u64(result.version)
      return
    case 'get':
      writeItems(writer, result)
      return
    case 'delete':
      writer.u64(result.deleted)
      return
    default:
      unreachable(result)
  }
}

function readResults(reader: ByteReader): readonly OperationResult[] {
  const count = reader.u16()
  const results: OperationResult[] = []
  for (let i = 0; i < count; i++) {
    const kind = pick(resultKinds, reader.u8(), 'result')
    if (kind === 'put') results.push({ kind, version: reader.u64() })
    else if (kind === 'delete') results.push({ kind, deleted: reader.u64() })
    else results.push({ kind, ...readItems(reader) })
  }
  return results
}

function writeItems(writer: ByteWriter, { items, more }: { items: readonly Item[]; more: boolean }): void {
  writer.u8(Number(more)).u32(items.length)
  for (const item of items) writeItem(writer, item)
}

function readItems(reader: ByteReader): { items: readonly Item[]; more: boolean } {
  const more = readFlag(reader, 'flag')
  const count = reader.u32()
  const items: Item[] = []
  for (let i = 0; i < count; i++) items.push(readItem(reader))
  return { items, more }
}

function writeItem(writer: ByteWriter, item: Item): void {
  writer.binary(item.key).u64(item.createRevision).u64(item.modRevision).u64(item.version).bytes(item.value)
}

function readItem(reader: ByteReader): Item {
  const key = readKey(reader)
  const createRevision = reader.u64()
  const modRevision = reader.u64()
  const version = reader.u64()
  return { key, value: reader.bytes(), createRevision, modRevision, version }
}

function readRevision(reader: ByteReader): number | undefined {
  return readFlag(reader, 'flag') ? reader.u64() : undefined
}

/** Two bytes per UTF-16 unit: exact for every text. Errors are few and short. */
function writeError(writer: ByteWriter, { code, message }: { code: ErrorCode; message: string }): ByteWriter {
  writer.binary(code).u32(message.length)
  for (let i = 0; i < message.length; i++) writer.u16(message.charCodeAt(i))
  return writer
}

function readError(reader: ByteReader): { code: ErrorCode; message: string } {
  const code = reader.binary()
  if (!isErrorCode(code)) throw new BytesError('no such error code')
  const length = reader.u32()
  let message = ''
  for (let i = 0; i < length; i++) message += String.fromCharCode(reader.u16())
  return { code, message }
}

/** Growing by doubling would copy a long answer over and over. */
function answerCapacity(answer: Answer): number {
  if (answer.kind === 'error') return 128
  if (answer.kind === 'trail' || answer.kind === 'changes') return 1024
  if (answer.kind === 'item') return 64 + (answer.item?.key.length ?? 0) + (answer.item?.value.length ?? 0)
  return answer.items.reduce((bytes, item) => bytes + 32 + item.key.length + item.value.length, 32)
}
