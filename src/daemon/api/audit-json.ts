/** The audit trail for people: of a node that serves, and from the directory of one that is stopped. */
import { keyAfter } from '../../base/order.ts'
import type { AuditRecord } from '../../machine/audit-record.ts'
import type { Answer, KeyChange, KeyRange } from '../../machine/request.ts'
import type {
  AuditChangeJson,
  AuditChangesJson,
  AuditRangeJson,
  AuditRecordJson,
  AuditTrailJson,
} from '../../wire/audit-types.ts'
import { binaryField } from './json.ts'

export function trailJson({ records, next, revision }: Answer & { kind: 'trail' }): AuditTrailJson {
  return { records: records.map(recordJson), next: next ?? null, revision }
}

export function changesJson(answer: Answer & { kind: 'changes' }): AuditChangesJson {
  const { changes, next, compactedRevision, revision } = answer
  return { changes: changes.map(changeJson), next: next ?? null, compactedRevision, revision }
}

function changeJson({ revision, kind, record }: KeyChange): AuditChangeJson {
  return { revision, kind: kind ?? null, record: record === undefined ? null : recordJson(record) }
}

function recordJson(record: AuditRecord): AuditRecordJson {
  const { number, slot, timeMs, revision, action, origin, detail, ranges, rangesLeftOut } = record
  return {
    ...{ number, slot, time: new Date(timeMs).toISOString(), revision, action },
    actor: origin.actor === '' ? null : text(origin.actor),
    node: text(origin.node),
    address: origin.address === '' ? null : text(origin.address),
    detail: text(detail),
    keys: ranges.map(rangeJson),
    keysLeftOut: rangesLeftOut,
  }
}

function rangeJson({ start, end }: KeyRange): AuditRangeJson {
  if (end === keyAfter(start)) return binaryField('key', start)
  return { ...binaryField('start', start), ...(end === undefined ? {} : binaryField('end', end)) }
}

/** Bytes that are not UTF-8 become U+FFFD. */
function text(binary: string): string {
  return Buffer.from(binary, 'latin1').toString('utf8')
}
