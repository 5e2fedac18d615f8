/**
 * What changed a key, and who did, the newest first.
 *
 * Above the compacted revision the history knows every change, audited or not, deletions of ranges included. At and below it
 * only the trail does, by the keys that a record names, and the current value, which says when it was written.
 */
import type { AuditRecord } from './audit-record.ts'
import { auditAnswerMax } from './bounds.ts'
import type { Kv } from './kv.ts'
import type { AuditQuery, Key, KeyChange } from './request.ts'
import type { Trail } from './trail.ts'

/** Finding when a key was deleted takes some fifty looks at the history. */
const changesMax = Math.min(100, auditAnswerMax)

export interface Revisions {
  readonly newest: number
  readonly compacted: number
}

export class KeyChanges {
  readonly #kv: Kv
  readonly #trail: Trail

  constructor(kv: Kv, trail: Trail) {
    this.#kv = kv
    this.#trail = trail
  }

  of(
    query: Omit<AuditQuery & { kind: 'changes' }, 'kind'>,
    { newest, compacted }: Revisions,
  ): { readonly changes: readonly KeyChange[]; readonly next: number | undefined } {
    const most = Math.min(query.limit === 0 ? changesMax : query.limit, changesMax)
    const changes: KeyChange[] = []
    let before = Math.min(query.before ?? newest + 1, newest + 1)
    while (before > compacted && changes.length < most) {
      const change = this.#previous(query.key, before, compacted)
      if (change === undefined) {
        before = compacted + 1
        break
      }
      changes.push({ ...change, record: this.#trail.ofRevision(change.revision) })
      before = change.revision
    }
    if (changes.length === most) return { changes, next: before }
    const number = this.#trail.firstFrom(before)
    const page = this.#trail.page({ trail: 'writes', before: number, limit: most - changes.length, key: query.key })
    changes.push(...page.records.map(changeOf))
    return { changes, next: page.next === undefined ? undefined : this.#trail.revisionOf(page.next) }
  }

  /** The last change below `before`, which is above what is compacted. */
  #previous(key: Key, before: number, compacted: number): Omit<KeyChange, 'record'> | undefined {
    const item = this.#kv.getAt(key, before - 1)
    if (item !== undefined) return { revision: item.modRevision, kind: 'put' }
    const revision = this.#kv.history.lastDeletion(key, compacted + 1, before)
    return revision === undefined ? undefined : { revision, kind: 'delete' }
  }
}

/** As far as the record alone says. */
function changeOf(record: AuditRecord): KeyChange {
  const { revision, action } = record
  const kind = action === 'put' ? 'put' : action === 'txn' ? undefined : 'delete'
  return { revision, kind, record }
}
