import type { AuditChangeJson, AuditRangeJson, AuditRecordJson } from '../../wire/audit-types.ts'
import { type Column, table } from '../output.ts'

const known: Readonly<Record<AuditRecordJson['action'], true>> = {
  ...{ epoch: true, leader: true, fill: true, compact: true, backup: true, 'log-level': true },
  ...{ 'maintenance-begin': true, 'maintenance-end': true, note: true },
  ...{ put: true, delete: true, 'delete-range': true, txn: true },
}
export const auditActions = Object.keys(known) as AuditRecordJson['action'][]

const who: readonly Column<AuditRecordJson>[] = [
  { title: 'TIME', value: ({ time }) => time.replace('T', ' ').slice(0, 19) },
  { title: 'WHO', value: ({ actor }) => actor ?? '-' },
  { title: 'FROM', value: fromOf },
  { title: 'NODE', value: ({ node }) => node },
]

export function renderRecords(records: readonly AuditRecordJson[]): string {
  return table(records, [...who, { title: 'ACTION', value: ({ action }) => action }, { title: 'WHAT', value: whatOf }])
}

export function renderChanges(changes: readonly AuditChangeJson[]): string {
  return table(changes, [
    { title: 'REVISION', align: 'right', value: ({ revision }) => String(revision) },
    { title: 'CHANGE', value: changeOf },
    ...who.map(
      ({ title, value }): Column<AuditChangeJson> => ({
        title,
        value: ({ record }) => (record !== null ? value(record) : title === 'WHO' ? 'not audited' : '-'),
      }),
    ),
  ])
}

function fromOf({ address, node }: AuditRecordJson): string {
  // A note that nobody asked for over a connection has neither.
  return address ?? (node === '' ? '-' : 'local socket')
}

function whatOf({ detail, keys, keysLeftOut }: AuditRecordJson): string {
  if (keys.length === 0) return detail
  const more = keysLeftOut === 0 ? [] : [`… ${keysLeftOut} more`]
  return [...keys.map(rangeInWords), ...more].join(', ')
}

/** With how it came about, where that is not one command for this key. */
function changeOf({ kind, record }: AuditChangeJson): string {
  const change = kind ?? 'changed'
  if (record === null || record.action === kind) return change
  return `${change}, ${record.action}${record.action === 'delete-range' ? ` ${record.keys.map(rangeInWords).join(', ')}` : ''}`
}

function rangeInWords(range: AuditRangeJson): string {
  if (range.key !== undefined) return range.key
  if (range.key64 !== undefined) return `base64:${range.key64}`
  const start = range.start ?? `base64:${range.start64}`
  const end = range.end ?? (range.end64 === undefined ? undefined : `base64:${range.end64}`)
  if (end === undefined) return start === '' ? 'every key' : `${start} and all above`
  return `${start === '' ? 'all' : start} up to ${end}`
}
