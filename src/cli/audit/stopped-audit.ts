import { toBinary } from '../../base/bytes.ts'
import type { AuditQuery, Key } from '../../machine/request.ts'
import { firstGroup } from '../../protocol/ids.ts'
import type { AuditSource } from './audit-source.ts'

/** The audit trail in the directory of a stopped node, as far as its data were on disk. Refused while the node runs. */
export async function openStoppedAudit(
  path: string,
): Promise<{ readonly source: AuditSource; close(): Promise<void> }> {
  const { openDataDirectoryReadOnly } = await import('../../daemon/store/data-directory.ts')
  const { changesJson, trailJson } = await import('../../daemon/api/audit-json.ts')
  const { noTrail } = await import('../../daemon/api/no-trail.ts')
  const { KvMachine } = await import('../../machine/kv-machine.ts')
  const { auditLevel } = await import('../../protocol/feature-level.ts')
  const { Overlay } = await import('../../runtime/overlay.ts')
  const directory = await openDataDirectoryReadOnly({ path })
  try {
    const level = directory.epochs(firstGroup).at(-1)?.featureLevel ?? 0
    if (level < auditLevel) throw noTrail(level)
    const machine = new KvMachine(new Overlay(directory.view))
    const ask = <K extends AuditQuery['kind']>(query: AuditQuery & { kind: K }) => {
      const answer = machine.query(query)
      if (answer.kind !== query.kind) throw new Error(`a question for ${query.kind} was answered with ${answer.kind}`)
      return answer as Extract<typeof answer, { kind: K }>
    }
    const source: AuditSource = {
      trail: async ({ trail = 'admin', before, limit = 0, key }) =>
        trailJson(ask({ kind: 'trail', trail, before, limit, key: key && toKey(key) })),
      changes: async ({ key, before, limit = 0 }) =>
        changesJson(ask({ kind: 'changes', key: toKey(key), before, limit })),
    }
    return { source, close: () => directory.close() }
  } catch (error) {
    await directory.close()
    throw error
  }
}

function toKey(bytes: Uint8Array): Key {
  return toBinary(bytes) as Key
}
