/** Who did what, and when: the records of the audit trail as the machine keeps and answers them. */
import { type ByteReader, BytesError, ByteWriter } from '../base/bytes.ts'
import { keyAfter } from '../base/order.ts'
import { detailBytesMax, isOrigin, type Origin, originBounds } from '../protocol/origin.ts'
import { auditRangeBytesMax, auditRangesMax } from './bounds.ts'
import { keyRange } from './footprint.ts'
import { readKey, readRange, writeRange } from './key-codec.ts'
import { pick } from './malformed.ts'
import { readRecord } from './records.ts'
import type { Command, KeyRange, Reply } from './request.ts'

/** What an operator does. Codes are positions, so lists may only grow at their end. */
export const adminActions = [
  'epoch',
  'leader',
  'fill',
  'compact',
  'backup',
  'log-level',
  'maintenance-begin',
  'maintenance-end',
  'note',
] as const
export const writeActions = ['put', 'delete', 'delete-range', 'txn'] as const

export type AdminAction = (typeof adminActions)[number]
export type WriteAction = (typeof writeActions)[number]
export type AuditAction = AdminAction | WriteAction
/** They are kept apart, so that no number of writes pushes out what operators did. */
export type TrailName = 'admin' | 'writes'

export interface AuditRecord {
  /** In its trail; numbers rise by one. */
  readonly number: number
  readonly slot: number
  /** Replicated clock. */
  readonly timeMs: number
  /** The machine's, after it. */
  readonly revision: number
  readonly action: AuditAction
  readonly origin: Origin
  /** A binary string of UTF-8; empty for writes. */
  readonly detail: string
  /** What a write named, as far as there is room. */
  readonly ranges: readonly KeyRange[]
  readonly rangesLeftOut: number
}

export function trailOf(action: AuditAction): TrailName {
  return isWriteAction(action) ? 'writes' : 'admin'
}

export function isWriteAction(action: AuditAction): action is WriteAction {
  return (writeActions as readonly AuditAction[]).includes(action)
}

/** Whether a record names the key. What was left out is not known. */
export function names({ ranges }: AuditRecord, key: string): boolean {
  return ranges.some(({ start, end }) => key >= start && (end === undefined || key < end))
}

/** What a command that changed something wrote, bounded. */
export function boundedRanges(ranges: readonly KeyRange[]): Pick<AuditRecord, 'ranges' | 'rangesLeftOut'> {
  let bytes = 0
  let count = 0
  for (const range of ranges) {
    bytes += range.start.length + (isOneKey(range) ? 0 : (range.end?.length ?? 0))
    if (count === auditRangesMax || (count > 0 && bytes > auditRangeBytesMax)) break
    count++
  }
  return { ranges: ranges.slice(0, count), rangesLeftOut: ranges.length - count }
}

/** What a command with this reply wrote: of a transaction, the branch that was taken. */
export function writtenBy(command: Command, reply: Reply): readonly KeyRange[] {
  switch (command.kind) {
    case 'put':
    case 'delete':
      return [keyRange(command.key)]
    case 'deleteRange':
      return [command.range]
    case 'txn': {
      const operations = reply.kind === 'txn' && reply.succeeded ? command.then : command.else
      return operations.flatMap((each) =>
        each.kind === 'get' ? [] : [each.kind === 'put' ? keyRange(each.key) : each.range],
      )
    }
    default:
      return []
  }
}

/** How a command that changed something is called in the trail; undefined when it is none of those. */
export function actionOf({ kind }: Command): AuditAction | undefined {
  switch (kind) {
    case 'put':
    case 'delete':
    case 'txn':
    case 'compact':
      return kind
    case 'deleteRange':
      return 'delete-range'
    default:
      return undefined
  }
}

/** Whether a command that was answered so changed what the trail is about. `revision` is that from before it. */
export function didChange(reply: Reply, revision: number): boolean {
  return reply.kind === 'compact' || ('revision' in reply && reply.revision > revision)
}

const writeCodes = 128
const namedKey = 0
const namedRange = 1

/** Without its number, which is in its key. */
export function encodeAuditRecord(record: Omit<AuditRecord, 'number'>): Uint8Array {
  const { slot, timeMs, revision, action, origin, detail, ranges, rangesLeftOut } = record
  const code = isWriteAction(action) ? writeCodes + writeActions.indexOf(action) : adminActions.indexOf(action)
  const writer = new ByteWriter(96).u8(code).u64(slot).u64(timeMs).u64(revision)
  writeOrigin(writer, origin)
  writer.binary(detail).u16(rangesLeftOut).u8(ranges.length)
  for (const range of ranges) writeNamed(writer, range)
  return writer.finish()
}

export function decodeAuditRecord(number: number, record: Uint8Array): AuditRecord {
  return readRecord(record, (reader) => ({ number, ...readBody(reader) }))
}

/** The number and the rest, within something else. */
export function writeAuditRecord(writer: ByteWriter, { number, ...record }: AuditRecord): void {
  writer.u64(number).raw(encodeAuditRecord(record))
}

export function readAuditRecord(reader: ByteReader): AuditRecord {
  return { number: reader.u64(), ...readBody(reader) }
}

function readBody(reader: ByteReader): Omit<AuditRecord, 'number'> {
  const action = readAction(reader.u8())
  const [slot, timeMs, revision] = [reader.u64(), reader.u64(), reader.u64()]
  const origin = readOrigin(reader)
  const detail = readDetail(reader)
  const rangesLeftOut = reader.u16()
  const ranges = Array.from({ length: reader.u8() }, () => readNamed(reader))
  return { slot, timeMs, revision, action, origin, detail, ranges, rangesLeftOut }
}

/** Most records name one key, and are kept for long: it is there once, and not again as the end of a range. */
function writeNamed(writer: ByteWriter, range: KeyRange): void {
  if (isOneKey(range)) writer.u8(namedKey).binary(range.start)
  else writeRange(writer.u8(namedRange), range)
}

function readNamed(reader: ByteReader): KeyRange {
  const kind = reader.u8()
  if (kind !== namedKey && kind !== namedRange) throw new BytesError(`no such kind of name: ${kind}`)
  return kind === namedKey ? keyRange(readKey(reader)) : readRange(reader)
}

function isOneKey({ start, end }: KeyRange): boolean {
  return start !== '' && end === keyAfter(start)
}

function readAction(code: number): AuditAction {
  return code < writeCodes ? pick(adminActions, code, 'action') : pick(writeActions, code - writeCodes, 'action')
}

export function writeOrigin(writer: ByteWriter, { actor, node, address }: Origin): ByteWriter {
  return writer.binary(actor).binary(node).binary(address)
}

export function originLength({ actor, node, address }: Origin): number {
  return 6 + actor.length + node.length + address.length
}

export function readOrigin(reader: ByteReader): Origin {
  const origin = { actor: reader.binary(), node: reader.binary(), address: reader.binary() }
  if (!isOrigin(origin)) throw new BytesError(`an origin beyond ${Object.values(originBounds).join(', ')} bytes`)
  return origin
}

export function readAdminAction(reader: ByteReader): AdminAction {
  return pick(adminActions, reader.u8(), 'action')
}

export function readDetail(reader: ByteReader): string {
  const detail = reader.binary()
  if (detail.length > detailBytesMax) throw new BytesError(`a detail of ${detail.length} bytes`)
  return detail
}
