import * as Flags from '@oclif/core/flags'
import { AuditCommand, auditFlags } from '../../cli/audit/audit-command.ts'
import { auditActions, renderRecords } from '../../cli/audit/audit-table.ts'
import { collectRecords } from '../../cli/audit/collect-records.ts'
import { counter, duration, key64Flag, keyBytes } from '../../cli/flags.ts'
import type { AuditRecordJson } from '../../wire/audit-types.ts'

const dayMs = 86_400_000

interface Listed {
  readonly trail: 'admin' | 'writes'
  /** Oldest first. */
  readonly records: readonly AuditRecordJson[]
  /** Older ones were left out. */
  readonly more: boolean
}

export default class AuditList extends AuditCommand {
  static override summary =
    'Show who did what, and when: members, leadership, compactions, backups; with --writes, keys.'
  static override description =
    `Of what operators did, or of audited writes, the newest that fit, the oldest of them first. 4 MiB of the one are kept and 32 MiB of the other, the oldest are forgotten. Writes are audited by nodes with auditWrites.
WHO is what the client claimed to be (--actor): this version authenticates nobody. FROM is the address that the node saw. TIME is the cluster's clock, in UTC.
Without a quorum, --stale takes what one node has, and --data-dir reads a stopped one.`
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --since 7d --action epoch',
    '<%= config.bin %> <%= command.id %> --writes --key orders/1 --json',
    '<%= config.bin %> <%= command.id %> --stale --endpoints unix:/var/lib/paxos/n1/paxos.sock',
    '<%= config.bin %> <%= command.id %> --data-dir /var/lib/paxos/n1',
  ]

  static override flags = {
    writes: Flags.boolean({ summary: 'Audited writes, instead of what operators did.' }),
    since: duration({ summary: 'Only what was done so long ago or less.', max: 3650 * dayMs }),
    by: Flags.string({ summary: 'Only what this actor did, as it called itself.', helpValue: '<name>' }),
    action: Flags.option({ summary: 'Only this.', options: auditActions, helpValue: '<action>' })(),
    key: Flags.string({ summary: 'Only writes that name this key.', helpValue: '<key>', dependsOn: ['writes'] }),
    key64: key64Flag,
    limit: counter({ summary: 'How many to show.', default: 50, min: 1 }),
    ...auditFlags,
  }

  async run(): Promise<Listed> {
    const { flags } = await this.parse(AuditList)
    const trail = flags.writes ? 'writes' : 'admin'
    const { records, more } = await collectRecords(await this.source(flags), {
      trail,
      key: flags.key === undefined ? undefined : keyBytes(flags.key, flags.key64),
      ...{ actor: flags.by, action: flags.action, limit: flags.limit },
      sinceMs: flags.since === undefined ? undefined : Date.now() - flags.since,
    })
    if (records.length > 0) this.log(renderRecords(records))
    else this.remark(flags.writes ? 'no such write was audited' : 'nothing of the kind is recorded')
    if (more) this.remark(`older ones were left out; --limit shows more than ${flags.limit}`)
    return { trail, records, more }
  }
}
