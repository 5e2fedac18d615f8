import { PaxosError } from '../../base/error.ts'
import type { AdminClient, AuditTrailOptions } from '../../client/admin.ts'
import type { AuditChangesJson, AuditTrailJson } from '../../wire/audit-types.ts'

/** Whoever can be asked about the audit trail: a cluster, one node of it, or a stopped node's directory. */
export interface AuditSource {
  trail(options: Pick<AuditTrailOptions, 'trail' | 'before' | 'limit' | 'key'>): Promise<AuditTrailJson>
  changes(options: {
    readonly key: Uint8Array
    readonly before?: number | undefined
    readonly limit?: number | undefined
  }): Promise<AuditChangesJson>
}

/** Asks the first node that answers, and goes on with it: page after page is to be of one trail. */
export function liveAudit(admin: AdminClient, endpoints: readonly string[], isStale: boolean): AuditSource {
  const consistency = isStale ? 'stale' : 'linearizable'
  let left = [...endpoints]
  const ask = async <T>(question: (endpoint: string) => Promise<T>): Promise<T> => {
    for (;;) {
      const [endpoint = '', ...others] = left
      try {
        return await question(endpoint)
      } catch (error) {
        if (!(error instanceof PaxosError) || !isOthersTurn(error) || others.length === 0) throw error
        left = others
      }
    }
  }
  return {
    trail: (options) => ask((endpoint) => admin.audit(endpoint, { ...options, consistency })),
    changes: (options) => ask((endpoint) => admin.auditChanges(endpoint, { ...options, consistency })),
  }
}

function isOthersTurn({ code }: PaxosError): boolean {
  return code === 'CANNOT_CONNECT' || code === 'TIMEOUT' || code === 'STOPPING' || code === 'UNHEALTHY'
}
