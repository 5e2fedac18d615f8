/**
 * Requests, batches and barriers as bytes. They lie in the log for as long as it is kept, so what a code stands for never
 * changes. A request that decodes is well formed: keys and ranges are within `bounds.ts`, counters are safe integers.
 */
import { assert, unreachable } from '../base/assert.ts'
import { type ByteReader, BytesError, ByteWriter } from '../base/bytes.ts'
import { isOrigin, isTime, type Origin } from '../protocol/origin.ts'
import { adminActions, originLength, readAdminAction, readDetail, readOrigin, writeOrigin } from './audit-record.ts'
import { txnListMax } from './bounds.ts'
import { readKey, readRange, writeRange } from './key-codec.ts'
import { decodeWhole, malformed, pick } from './malformed.ts'
import type { Batch, Command, Compare, Operation, Request, SessionStamp } from './request.ts'

const commandKinds = [
  'put',
  'delete',
  'deleteRange',
  'txn',
  'compact',
  'openSession',
  'closeSession',
  'keepAlive',
  'note',
] as const satisfies readonly Command['kind'][]
const operationKinds = ['put', 'get', 'delete'] as const satisfies readonly Operation['kind'][]
const compareTargets = ['value', 'version', 'createRevision', 'modRevision'] as const
const compareOps = ['=', '!=', '<', '>'] as const

const sessionFlag = 1
const ifVersionFlag = 2
const originFlag = 4
const batchFormat = 1

/**
 * Throws PaxosError BAD_REQUEST when the operand of a comparison does not fit its target. Asserts what `requestProblem`
 * finds: call that first on what comes from outside.
 */
export function encodeRequest(request: Request): Uint8Array {
  const { session, command } = request
  const ifVersion = 'ifVersion' in command ? command.ifVersion : undefined
  const flags =
    (session === undefined ? 0 : sessionFlag) |
    (ifVersion === undefined ? 0 : ifVersionFlag) |
    (request.origin === undefined ? 0 : originFlag)
  const originBytes = request.origin === undefined ? 0 : originLength(request.origin)
  const headBytes = 2 + originBytes + (session === undefined ? 0 : 24) + (ifVersion === undefined ? 0 : 8)
  // Exact for a put, so that its value is copied once.
  const bodyBytes = command.kind === 'put' ? 6 + command.key.length + command.value.length : 64
  const writer = new ByteWriter(headBytes + bodyBytes)
  writer.u8(commandKinds.indexOf(command.kind)).u8(flags)
  if (request.origin !== undefined) writeOrigin(writer, request.origin)
  if (session !== undefined) writer.u64(session.id).u64(session.seq).u64(session.ackedBelow)
  if (ifVersion !== undefined) writer.u64(ifVersion)
  writeCommand(writer, command)
  return writer.finish()
}

/** Throws PaxosError BAD_REQUEST, and nothing else. Values are views on `bytes`. */
export function decodeRequest(bytes: Uint8Array): Request {
  return decodeWhole('request', bytes, (reader) => {
    const kind = pick(commandKinds, reader.u8(), 'command')
    const flags = reader.u8()
    if (flags > 7) throw new BytesError(`no such flags: ${flags}`)
    const origin = flags & originFlag ? readOrigin(reader) : undefined
    const session = flags & sessionFlag ? readStamp(reader) : undefined
    const ifVersion = flags & ifVersionFlag ? reader.u64() : undefined
    if (ifVersion !== undefined && kind !== 'put' && kind !== 'delete') throw new BytesError(`a version for ${kind}`)
    const request = { session, command: readCommand(reader, kind, ifVersion) }
    return origin === undefined ? request : { ...request, origin }
  })
}

/** The same request, saying where it came from. What it carries is not encoded again. */
export function withOrigin(request: Uint8Array, origin: Origin): Uint8Array {
  const [kind = 0, flags = 0] = request
  assert((flags & originFlag) === 0 && isOrigin(origin), 'a request with two origins, or one beyond its bounds')
  const writer = new ByteWriter(request.length + originLength(origin)).u8(kind).u8(flags | originFlag)
  return writeOrigin(writer, origin).raw(request.subarray(2)).finish()
}

/** Whether an encoded request carries a session, so that it may be sent again. Cheap: nothing is decoded. */
export function isStamped(request: Uint8Array): boolean {
  return ((request[1] ?? 0) & sessionFlag) !== 0
}

/** The requests are not encoded again. */
export function encodeBatch(timeMs: number, requests: readonly Uint8Array[]): Uint8Array {
  let length = 13
  for (const request of requests) length += 4 + request.length
  const writer = new ByteWriter(length).u8(batchFormat).u64(timeMs).u32(requests.length)
  for (const request of requests) writer.bytes(request)
  return writer.finish()
}

/** Throws PaxosError BAD_REQUEST, and nothing else. The requests are views on `bytes`, not decoded yet. */
export function decodeBatch(bytes: Uint8Array): Batch {
  return decodeWhole('batch', bytes, (reader) => {
    const format = reader.u8()
    if (format !== batchFormat) throw new BytesError(`no such format: ${format}`)
    const timeMs = readTime(reader)
    const count = reader.u32()
    const requests: Uint8Array[] = []
    for (let i = 0; i < count; i++) requests.push(reader.bytes())
    return { timeMs, requests }
  })
}

/** The payload of a barrier: the wall clock of the new leader. */
export function encodeBarrier(timeMs: number): Uint8Array {
  return new ByteWriter(8).u64(timeMs).finish()
}

/** Throws PaxosError BAD_REQUEST, and nothing else. */
export function decodeBarrier(bytes: Uint8Array): number {
  return decodeWhole('barrier', bytes, readTime)
}

/** So that adding a time to live to it stays a safe integer. */
function readTime(reader: ByteReader): number {
  const timeMs = reader.u64()
  if (!isTime(timeMs)) throw new BytesError(`time after all time: ${timeMs}`)
  return timeMs
}

function writeCommand(writer: ByteWriter, command: Command): void {
  switch (command.kind) {
    case 'put':
      writer.binary(command.key).bytes(command.value)
      return
    case 'delete':
      writer.binary(command.key)
      return
    case 'deleteRange':
      writeRange(writer, command.range)
      return
    case 'txn':
      writer.u16(command.compare.length)
      for (const compare of command.compare) writeCompare(writer, compare)
      writeOperations(writer, command.then)
      writeOperations(writer, command.else)
      return
    case 'compact':
      writer.u64(command.revision)
      return
    case 'openSession':
      writer.u64(command.ttlMs)
      return
    case 'note':
      writer.u8(adminActions.indexOf(command.action)).binary(command.detail)
      return
    case 'closeSession':
    case 'keepAlive':
      return
    default:
      unreachable(command)
  }
}

function readCommand(reader: ByteReader, kind: Command['kind'], ifVersion: number | undefined): Command {
  switch (kind) {
    case 'put':
      return { kind, key: readKey(reader), value: reader.bytes(), ifVersion }
    case 'delete':
      return { kind, key: readKey(reader), ifVersion }
    case 'deleteRange':
      return { kind, range: readRange(reader) }
    case 'txn': {
      const compare = readList(reader, readCompare)
      const then = readList(reader, readOperation)
      return { kind, compare, then, else: readList(reader, readOperation) }
    }
    case 'compact':
      return { kind, revision: reader.u64() }
    case 'openSession':
      return { kind, ttlMs: reader.u64() }
    case 'note':
      return { kind, action: readAdminAction(reader), detail: readDetail(reader) }
    case 'closeSession':
    case 'keepAlive':
      return { kind }
    default:
      return unreachable(kind)
  }
}

function readStamp(reader: ByteReader): SessionStamp {
  return { id: reader.u64(), seq: reader.u64(), ackedBelow: reader.u64() }
}

function writeCompare(writer: ByteWriter, { key, target, op, operand }: Compare): void {
  writer.u8(compareTargets.indexOf(target)).u8(compareOps.indexOf(op)).binary(key)
  if (target === 'value') {
    if (typeof operand === 'number') throw malformed('comparison', 'a value is compared with bytes')
    writer.bytes(operand)
  } else {
    if (typeof operand !== 'number') throw malformed('comparison', `${target} is compared with a number`)
    writer.u64(operand)
  }
}

function readCompare(reader: ByteReader): Compare {
  const target = pick(compareTargets, reader.u8(), 'target')
  const op = pick(compareOps, reader.u8(), 'comparison')
  const key = readKey(reader)
  return { key, target, op, operand: target === 'value' ? reader.bytes() : reader.u64() }
}

function writeOperations(writer: ByteWriter, operations: readonly Operation[]): void {
  writer.u16(operations.length)
  for (const operation of operations) {
    writer.u8(operationKinds.indexOf(operation.kind))
    if (operation.kind === 'put') {
      writer.binary(operation.key).bytes(operation.value)
    } else {
      writeRange(writer, operation.range)
      if (operation.kind === 'get') writer.u32(operation.limit)
    }
  }
}

function readOperation(reader: ByteReader): Operation {
  const kind = pick(operationKinds, reader.u8(), 'operation')
  switch (kind) {
    case 'put':
      return { kind, key: readKey(reader), value: reader.bytes() }
    case 'get':
      return { kind, range: readRange(reader), limit: reader.u32() }
    case 'delete':
      return { kind, range: readRange(reader) }
    default:
      return unreachable(kind)
  }
}

function readList<T>(reader: ByteReader, read: (reader: ByteReader) => T): readonly T[] {
  const count = reader.u16()
  if (count > txnListMax) throw new BytesError(`list of ${count}`)
  const items: T[] = []
  for (let i = 0; i < count; i++) items.push(read(reader))
  return items
}
