import type { AuditRecordJson } from '../../wire/audit-types.ts'
import type { AuditSource } from './audit-source.ts'

export interface WantedRecords {
  readonly trail: 'admin' | 'writes'
  readonly key?: Uint8Array | undefined
  readonly actor?: string | undefined
  readonly action?: AuditRecordJson['action'] | undefined
  /** None from before, in milliseconds since 1970. */
  readonly sinceMs?: number | undefined
  readonly limit: number
}

const pageRecords = 1000

/** The newest that are wanted, the oldest of them first, and whether there may be more. */
export async function collectRecords(
  source: AuditSource,
  wanted: WantedRecords,
): Promise<{ readonly records: readonly AuditRecordJson[]; readonly more: boolean }> {
  const found: AuditRecordJson[] = []
  const isFiltered = wanted.actor !== undefined || wanted.action !== undefined
  const limit = isFiltered ? pageRecords : Math.min(pageRecords, wanted.limit + 1)
  let before: number | null | undefined
  while (before !== null) {
    const { records, next } = await source.trail({ trail: wanted.trail, key: wanted.key, before, limit })
    for (const record of records) {
      // The cluster's clock never goes back, so nothing older is wanted.
      if (wanted.sinceMs !== undefined && Date.parse(record.time) < wanted.sinceMs) {
        return { records: found.reverse(), more: false }
      }
      if (wanted.actor !== undefined && record.actor !== wanted.actor) continue
      if (wanted.action !== undefined && record.action !== wanted.action) continue
      if (found.length === wanted.limit) return { records: found.reverse(), more: true }
      found.push(record)
    }
    before = next
  }
  return { records: found.reverse(), more: false }
}
