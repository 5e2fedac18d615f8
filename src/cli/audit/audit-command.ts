import * as Flags from '@oclif/core/flags'
import { ClusterCommand, type ConnectionFlags } from '../cluster-command.ts'
import { type AuditSource, liveAudit } from './audit-source.ts'

export const auditFlags = {
  stale: Flags.boolean({
    summary: 'Take what the asked node has, without asking for a quorum.',
    exclusive: ['data-dir'],
  }),
  'data-dir': Flags.string({ summary: 'Read this directory of a stopped node.', helpValue: '<dir>' }),
}

export interface AuditFlags extends ConnectionFlags {
  readonly stale: boolean
  readonly 'data-dir'?: string | undefined
}

/** A command that reads the audit trail, of a cluster or of a stopped node. */
export abstract class AuditCommand extends ClusterCommand {
  // oclif stops looking for inherited settings at a class that has none of its own.
  static override enableJsonFlag = true

  protected async source(flags: AuditFlags): Promise<AuditSource> {
    const path = flags['data-dir']
    if (path === undefined) {
      const { admin, endpoints } = await this.admin(flags)
      return liveAudit(admin, endpoints, flags.stale)
    }
    const { openStoppedAudit } = await import('./stopped-audit.ts')
    const opened = await openStoppedAudit(path)
    this.onEnd(() => opened.close())
    return opened.source
  }
}
