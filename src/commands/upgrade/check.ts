import * as Flags from '@oclif/core/flags'
import { PaxosError } from '../../base/error.ts'
import { ClusterCommand } from '../../cli/cluster-command.ts'
import { collectCluster } from '../../cli/doctor/collect.ts'
import { paint, table } from '../../cli/output.ts'
import { findMaintenance } from '../../cli/rolling/maintenance.ts'
import { type PreflightCheck, preflight } from '../../cli/upgrade/preflight.ts'

export default class UpgradeCheck extends ClusterCommand {
  static override summary = 'Say whether an upgrade may begin now.'
  static override description =
    'Looks at health (as `paxos doctor` does), whether each node may be taken down alone, whether all are in one epoch, whether this version understands the feature level of the cluster, free disk space, and whether another maintenance is under way. Changes nothing. The exit status is 10 when something is wrong.'
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --to 0.2.0 --json',
  ]

  static override flags = {
    to: Flags.string({ summary: 'The version that nodes are to have [default: that of this program].' }),
  }

  async run(): Promise<{ version: string; ok: boolean; checks: readonly PreflightCheck[] }> {
    const { flags } = await this.parse(UpgradeCheck)
    const version = flags.to ?? this.config.version
    const { admin, endpoints } = await this.admin(flags)
    const facts = await collectCluster(admin, endpoints)
    const client = await this.client(flags)
    const found = await findMaintenance(client).catch((error: unknown) => {
      // Without a quorum the other checks say what is wrong.
      if (!(error instanceof PaxosError) || error.code === 'PRECONDITION_FAILED') throw error
      return undefined
    })
    const isOurVersion = version === this.config.version
    const checks = preflight({ facts, maintenance: found?.record, isOurVersion })
    const ok = checks.every((check) => check.ok)
    this.log(`upgrade to ${version}`)
    this.log(
      table(checks, [
        { title: 'CHECK', value: ({ name }) => name },
        { title: '', value: (check) => (check.ok ? 'ok' : 'no'), style: (check) => (check.ok ? 'green' : 'red') },
        { title: 'SEEN', value: ({ message }) => message },
      ]),
    )
    this.log(ok ? paint('green', 'may begin') : paint('red', 'not now'))
    if (!ok) this.endWith(10)
    return { version, ok, checks }
  }
}
