import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import { PaxosError } from '../../base/error.ts'
import { memberNamed } from '../../cli/member-named.ts'
import { anyStatus, type ClusterLook } from '../../cli/rolling/gates.ts'
import { RollingCommand, type RollingResult, rollingFlags } from '../../cli/rolling/rolling-command.ts'
import { rollingOrder } from '../../cli/rolling/rolling-order.ts'

export default class NodeRestart extends RollingCommand {
  static override summary = 'Restart one node, or all one after the other, without the clients noticing.'
  static override description =
    'Waits until every member is well and the others suffice, moves leadership away if the node leads, restarts it, and waits until it is back and has caught up. With --rolling all nodes: learners first, then followers, the leader last. Only one such command runs in a cluster at a time. Ctrl-C pauses it; --resume goes on, also when the command died. The exit status is 6 when it could not begin, or, with --dry-run, cannot now. Applies a changed configuration, for example.'
  static override examples = [
    "<%= config.bin %> <%= command.id %> n2 --restart-command 'systemctl --host {host} restart paxos'",
    "<%= config.bin %> <%= command.id %> --rolling --yes --restart-command 'ssh {host} sudo systemctl restart paxos'",
    '<%= config.bin %> <%= command.id %> --rolling --dev .paxos/dev',
    '<%= config.bin %> <%= command.id %> --rolling --dev .paxos/dev --dry-run',
  ]

  static override args = {
    name: Args.string({ description: 'Name or id of the member.', ignoreStdin: true }),
  }
  static override flags = {
    ...rollingFlags,
    rolling: Flags.boolean({ summary: 'All nodes, one after the other.' }),
  }

  async run(): Promise<RollingResult> {
    const { args, flags } = await this.parse(NodeRestart)
    const { name } = args
    const isGoingOn = flags.resume || flags.abandon
    // A flag that was not given is undefined, whatever its type says.
    const isRolling = flags.rolling === true
    if (isGoingOn && name !== undefined) {
      throw new PaxosError('USAGE', 'What was begun is gone on with, or given up, as a whole: give no node', {
        hint: '`paxos upgrade status` shows what is under way.',
      })
    }
    if (!isGoingOn && (name === undefined) !== isRolling) {
      throw new PaxosError('USAGE', 'Give the name of a node, or --rolling for all of them')
    }
    const choose = (seen: ClusterLook): readonly string[] => {
      const status = anyStatus(seen)
      if (status === undefined) return []
      return name === undefined ? rollingOrder(status) : [memberNamed(status, name).name]
    }
    return await this.roll(flags, { kind: 'restart', version: null, choose })
  }
}
