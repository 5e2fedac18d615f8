/** Questions about the audit trail and their answers, within what `reply-codec.ts` encodes. */
import { type ByteReader, BytesError, type ByteWriter } from '../base/bytes.ts'
import { type AuditRecord, readAuditRecord, type TrailName, writeAuditRecord } from './audit-record.ts'
import { readKey } from './key-codec.ts'
import { pick, readFlag } from './malformed.ts'
import type { Answer, AuditQuery, KeyChange } from './request.ts'

const trails = ['admin', 'writes'] as const satisfies readonly TrailName[]
const changeKinds = [undefined, 'put', 'delete'] as const satisfies readonly KeyChange['kind'][]

type TrailPage = Omit<Answer & { kind: 'trail' }, 'kind' | 'revision'>
type ChangesPage = Omit<Answer & { kind: 'changes' }, 'kind' | 'revision'>

export function writeAuditQuery(writer: ByteWriter, query: AuditQuery): ByteWriter {
  writeOptional(writer, query.before).u32(query.limit)
  if (query.kind === 'changes') return writer.binary(query.key)
  writer.u8(trails.indexOf(query.trail))
  return query.key === undefined ? writer.u8(0) : writer.u8(1).binary(query.key)
}

export function readAuditQuery(reader: ByteReader, kind: AuditQuery['kind']): AuditQuery {
  const before = readOptional(reader)
  const limit = reader.u32()
  if (kind === 'changes') return { kind, before, limit, key: readKey(reader) }
  const trail = pick(trails, reader.u8(), 'trail')
  return { kind, trail, before, limit, key: readFlag(reader, 'flag') ? readKey(reader) : undefined }
}

export function writeTrail(writer: ByteWriter, { records, next }: TrailPage): ByteWriter {
  writeOptional(writer, next).u32(records.length)
  for (const record of records) writeAuditRecord(writer, record)
  return writer
}

export function readTrail(reader: ByteReader): TrailPage {
  const next = readOptional(reader)
  const count = reader.u32()
  const records: AuditRecord[] = []
  for (let i = 0; i < count; i++) records.push(readAuditRecord(reader))
  return { records, next }
}

export function writeChanges(writer: ByteWriter, { changes, next, compactedRevision }: ChangesPage): ByteWriter {
  writeOptional(writer, next).u64(compactedRevision).u32(changes.length)
  for (const { revision, kind, record } of changes) {
    writer
      .u64(revision)
      .u8(changeKinds.indexOf(kind))
      .u8(Number(record !== undefined))
    if (record !== undefined) writeAuditRecord(writer, record)
  }
  return writer
}

export function readChanges(reader: ByteReader): ChangesPage {
  const next = readOptional(reader)
  const compactedRevision = reader.u64()
  const count = reader.u32()
  const changes: KeyChange[] = []
  for (let i = 0; i < count; i++) {
    const revision = reader.u64()
    const kind = readChangeKind(reader)
    changes.push({ revision, kind, record: readFlag(reader, 'flag') ? readAuditRecord(reader) : undefined })
  }
  return { changes, next, compactedRevision }
}

function readChangeKind(reader: ByteReader): KeyChange['kind'] {
  const code = reader.u8()
  if (code >= changeKinds.length) throw new BytesError(`no such change: ${code}`)
  return changeKinds[code]
}

function writeOptional(writer: ByteWriter, value: number | undefined): ByteWriter {
  return value === undefined ? writer.u8(0) : writer.u8(1).u64(value)
}

function readOptional(reader: ByteReader): number | undefined {
  return readFlag(reader, 'flag') ? reader.u64() : undefined
}
