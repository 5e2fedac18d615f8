import * as Flags from '@oclif/core/flags'
import { anyStatus, type ClusterLook } from '../../cli/rolling/gates.ts'
import { RollingCommand, type RollingResult, rollingFlags } from '../../cli/rolling/rolling-command.ts'
import { rollingOrder } from '../../cli/rolling/rolling-order.ts'

export default class UpgradeRun extends RollingCommand {
  static override summary = 'Restart the nodes into another version, one after the other, while the cluster serves.'
  static override description =
    'Install the new version on every host first; this restarts the nodes that do not run it yet: learners, followers, then the leader, whose leadership moves first. Each is taken only when every member is well and the others suffice, and the next only when it is back, with the version that was wanted, and has caught up. Run it with the new version itself, or name it with --to. Only one such command runs in a cluster at a time. Ctrl-C pauses it; --resume goes on, also when the command died. The exit status is 6 when it could not begin, or, with --dry-run, cannot now. Until `upgrade finalize` the same command of the old version takes the upgrade back.'
  static override examples = [
    "<%= config.bin %> <%= command.id %> --restart-command 'systemctl --host {host} restart paxos'",
    "<%= config.bin %> <%= command.id %> --to 0.2.0 --yes --restart-command 'kubectl delete pod {name}'",
    '<%= config.bin %> <%= command.id %> --dev .paxos/dev',
    "<%= config.bin %> <%= command.id %> --resume --restart-command 'systemctl --host {host} restart paxos'",
  ]

  static override flags = {
    ...rollingFlags,
    to: Flags.string({
      summary: 'The version that nodes have afterwards [default: that of this program, or of what is resumed].',
    }),
  }

  async run(): Promise<RollingResult> {
    const { flags } = await this.parse(UpgradeRun)
    // What was begun says itself to which version it goes.
    const version = flags.to ?? (flags.resume ? null : this.config.version)
    const choose = (seen: ClusterLook): readonly string[] => {
      const status = anyStatus(seen)
      const isCurrent = (name: string): boolean =>
        seen.answers.find((answer) => answer.name === name)?.status?.node.version === version
      return status === undefined ? [] : rollingOrder(status).filter((name) => !isCurrent(name))
    }
    return await this.roll(flags, { kind: 'upgrade', version, choose })
  }
}
