import { Flags } from '@oclif/core'
import { ClusterCommand } from '../../cli/cluster-command.ts'
import { type ClusterView, renderCluster, viewCluster } from '../../cli/cluster-view.ts'
import { ClusterWatch, renderWatched } from '../../cli/cluster-watch.ts'
import { duration } from '../../cli/flags.ts'
import { watch } from '../../cli/watch.ts'

export default class ClusterStatus extends ClusterCommand {
  static override summary = 'Show all members: role, leader, ballot, slots, lag, revision, health.'
  static override description =
    'Asks every member. The exit status is 10 when a member does not answer or is not ready, or nobody leads. With --watch it goes on when nobody answers, and says since when; with --json as well, one object a line.'
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --watch --interval 500ms',
    '<%= config.bin %> <%= command.id %> --json --endpoints http://10.0.0.1:7601,http://10.0.0.2:7601',
  ]

  static override flags = {
    watch: Flags.boolean({ char: 'w', summary: 'Show it again and again, until Ctrl-C.' }),
    interval: duration({
      summary: 'Time between two looks with --watch.',
      default: 1000,
      defaultHelp: async () => '1s',
      min: 100,
    }),
  }

  async run(): Promise<ClusterView | undefined> {
    const { flags } = await this.parse(ClusterStatus)
    const { admin, endpoints } = await this.admin(flags)
    if (flags.watch) {
      const cluster = new ClusterWatch(admin, endpoints)
      const asJson = this.jsonEnabled()
      const last = await watch({
        everyMs: flags.interval,
        show: () => cluster.look(),
        draw: (seen) => (asJson ? JSON.stringify(seen) : renderWatched(seen)),
      })
      if (!last.healthy) this.endWith(10)
      return undefined
    }
    const view = await viewCluster(admin, endpoints)
    if (!view.healthy) this.endWith(10)
    this.log(renderCluster(view))
    return view
  }
}
