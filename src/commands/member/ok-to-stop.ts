import { Args } from '@oclif/core'
import { ClusterCommand } from '../../cli/cluster-command.ts'
import { findLeader } from '../../cli/leader.ts'
import { memberNamed } from '../../cli/member-named.ts'
import { type StopMargin, stopMargin } from '../../cli/stop-margin.ts'

export default class MemberOkToStop extends ClusterCommand {
  static override summary = 'Say whether this member may be taken down now.'
  static override description =
    'Asks the leader who answers it. The exit status is 0 when the others can elect and choose without it, 10 when they cannot, and 5 when nobody leads; the reason says the arithmetic. Nothing is changed: to move leadership away as well, use `node drain`.'
  static override examples = ['<%= config.bin %> <%= command.id %> n2', '<%= config.bin %> <%= command.id %> n2 --json']

  static override args = {
    name: Args.string({ required: true, description: 'Name or id of the member.', ignoreStdin: true }),
  }

  async run(): Promise<StopMargin> {
    const { args, flags } = await this.parse(MemberOkToStop)
    const { admin, endpoints } = await this.admin(flags)
    const { status } = await findLeader(admin, endpoints)
    const margin = stopMargin(status, memberNamed(status, args.name).name)
    this.log(`${margin.okToStop ? 'yes' : 'no'}: ${margin.reason}`)
    if (!margin.okToStop) this.endWith(10)
    return margin
  }
}
