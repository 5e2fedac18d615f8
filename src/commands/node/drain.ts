import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import { PaxosError } from '../../base/error.ts'
import { ClusterCommand } from '../../cli/cluster-command.ts'
import { handOver, successor } from '../../cli/hand-over.ts'
import { findLeader } from '../../cli/leader.ts'
import { memberNamed } from '../../cli/member-named.ts'
import { type StopMargin, stopMargin } from '../../cli/stop-margin.ts'

export default class NodeDrain extends ClusterCommand {
  static override summary = 'Make ready to take a node down: move leadership away, and say whether the others suffice.'
  static override description =
    'If the others could not elect and choose without it, nothing is changed, and the exit status is 10. Otherwise another acceptor leads when this ends, and the status is 0: stop the node then. A learner, or a node that does not lead, has nothing to move.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> n2',
    '<%= config.bin %> <%= command.id %> n2 --dry-run --json',
  ]

  static override args = {
    name: Args.string({ required: true, description: 'Name or id of the member.', ignoreStdin: true }),
  }
  static override flags = { 'dry-run': Flags.boolean({ summary: 'Only say whether the others suffice.' }) }

  async run(): Promise<StopMargin & { readonly leader: string }> {
    const { args, flags } = await this.parse(NodeDrain)
    const { admin, endpoints } = await this.admin(flags)
    const { timeoutMs } = await this.connection(flags)
    const found = await findLeader(admin, endpoints)
    const { name } = memberNamed(found.status, args.name)
    const margin = stopMargin(found.status, name)
    let leader: string | undefined = found.status.node.name
    if (margin.okToStop && leader === name && !flags['dry-run']) {
      leader = await handOver(admin, found, successor(found.status), { endpoints, timeoutMs })
      if (leader === undefined || leader === name) {
        throw new PaxosError('TIMEOUT', `${name} was told to give up leadership, and nobody else leads yet`)
      }
    }
    this.log(`${margin.okToStop ? 'yes' : 'no'}: ${margin.reason}; ${leader} leads`)
    if (!margin.okToStop) this.endWith(10)
    return { ...margin, leader }
  }
}
