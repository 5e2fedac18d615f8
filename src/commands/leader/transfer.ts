import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import { PaxosError } from '../../base/error.ts'
import { ClusterCommand } from '../../cli/cluster-command.ts'
import { handOver, successor } from '../../cli/hand-over.ts'
import { findLeader } from '../../cli/leader.ts'
import { memberNamed } from '../../cli/member-named.ts'
import type { StatusJson } from '../../wire/api-types.ts'

export default class LeaderTransfer extends ClusterCommand {
  static override summary = 'Hand leadership over to another member.'
  static override description =
    'Without a name, to the acceptor that answers and lags least. Waits until it leads. Clients notice a short pause and no error. To transfer to the one who leads changes nothing, and is no error.'
  static override examples = ['<%= config.bin %> <%= command.id %> n2', '<%= config.bin %> <%= command.id %> --dry-run']

  static override args = { name: Args.string({ description: 'Name or id of the member.', ignoreStdin: true }) }
  static override flags = { 'dry-run': Flags.boolean({ summary: 'Say who would lead, and change nothing.' }) }

  async run(): Promise<{ from: string; to: string; dryRun?: true }> {
    const { args, flags } = await this.parse(LeaderTransfer)
    const { admin, endpoints } = await this.admin(flags)
    const { timeoutMs } = await this.connection(flags)
    const found = await findLeader(admin, endpoints)
    const from = found.status.node.name
    const to = target(found.status, args.name)
    if (flags['dry-run']) {
      this.log(`${to} would lead instead of ${from}`)
      return { from, to, dryRun: true }
    }
    const leads = to === from ? from : await handOver(admin, found, to, { endpoints, timeoutMs })
    if (leads !== to) {
      throw new PaxosError('PRECONDITION_FAILED', `${leads ?? 'Nobody'} leads, not ${to}`, {
        hint: '`paxos cluster status` shows how the members are; try again when all are well.',
      })
    }
    this.log(`${to} leads${to === from ? ' already' : ` instead of ${from}`}`)
    return { from, to }
  }
}

function target(status: StatusJson, wanted: string | undefined): string {
  return wanted === undefined ? successor(status) : memberNamed(status, wanted).name
}
