import type { AuditChangeJson } from '../../wire/audit-types.ts'
import type { AuditSource } from './audit-source.ts'

/** The newest changes of a key, and whether there may be more. */
export async function collectChanges(
  source: AuditSource,
  key: Uint8Array,
  limit: number,
): Promise<{
  readonly changes: readonly AuditChangeJson[]
  readonly more: boolean
  readonly compactedRevision: number
}> {
  const found: AuditChangeJson[] = []
  let before: number | null | undefined
  let compactedRevision = 0
  while (before !== null && found.length <= limit) {
    const page = await source.changes({ key, before, limit: Math.min(100, limit + 1 - found.length) })
    found.push(...page.changes)
    compactedRevision = page.compactedRevision
    before = page.next
  }
  return { changes: found.slice(0, limit), more: found.length > limit, compactedRevision }
}
