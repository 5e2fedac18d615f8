import * as Args from '@oclif/core/args'
import type { ConnectionFlags } from '../../cli/cluster-command.ts'
import { ReadCommand, type StoppedFlags, stoppedFlags } from '../../cli/read-command.ts'
import { askStopMargin, type StopMargin, stoppedMargin } from '../../cli/stop-margin.ts'

export default class MemberOkToStop extends ReadCommand {
  static override summary = 'Say whether this member may be taken down now.'
  static override description =
    'Asks the leader who answers it. The exit status is 0 when the others can elect and choose without it, and 10 when they cannot, or nobody leads; the reason says the arithmetic. Nothing is changed: to move leadership away as well, use `node drain`. With --data-dir, as far as a stopped node can say: yes to a learner, and else no, since it does not know who answers.'
  static override examples = ['<%= config.bin %> <%= command.id %> n2', '<%= config.bin %> <%= command.id %> n2 --json']

  static override args = {
    name: Args.string({ required: true, description: 'Name or id of the member.', ignoreStdin: true }),
  }

  static override flags = { ...stoppedFlags }

  async run(): Promise<StopMargin> {
    const { args, flags } = await this.parse(MemberOkToStop)
    const margin = await this.#margin(flags, args.name)
    this.log(`${margin.okToStop ? 'yes' : 'no'}: ${margin.reason}`)
    if (!margin.okToStop) this.endWith(10)
    return margin
  }

  async #margin(flags: ConnectionFlags & StoppedFlags, name: string): Promise<StopMargin> {
    if (flags['data-dir'] !== undefined) return stoppedMargin(await this.status(flags), name)
    const { admin, endpoints } = await this.admin(flags)
    return await askStopMargin(admin, endpoints, name)
  }
}
