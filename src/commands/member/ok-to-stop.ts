import { Args } from '@oclif/core'
import { ClusterCommand } from '../../cli/cluster-command.ts'
import { askStopMargin, type StopMargin } from '../../cli/stop-margin.ts'

export default class MemberOkToStop extends ClusterCommand {
  static override summary = 'Say whether this member may be taken down now.'
  static override description =
    'Asks the leader who answers it. The exit status is 0 when the others can elect and choose without it, and 10 when they cannot, or nobody leads; the reason says the arithmetic. Nothing is changed: to move leadership away as well, use `node drain`.'
  static override examples = ['<%= config.bin %> <%= command.id %> n2', '<%= config.bin %> <%= command.id %> n2 --json']

  static override args = {
    name: Args.string({ required: true, description: 'Name or id of the member.', ignoreStdin: true }),
  }

  async run(): Promise<StopMargin> {
    const { args, flags } = await this.parse(MemberOkToStop)
    const { admin, endpoints } = await this.admin(flags)
    const margin = await askStopMargin(admin, endpoints, args.name)
    this.log(`${margin.okToStop ? 'yes' : 'no'}: ${margin.reason}`)
    if (!margin.okToStop) this.endWith(10)
    return margin
  }
}
