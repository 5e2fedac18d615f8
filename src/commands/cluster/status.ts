import * as Flags from '@oclif/core/flags'
import { type ClusterView, renderCluster, viewCluster, viewStopped } from '../../cli/cluster-view.ts'
import { ClusterWatch, renderWatched } from '../../cli/cluster-watch.ts'
import { duration } from '../../cli/flags.ts'
import { ReadCommand, stoppedFlags } from '../../cli/read-command.ts'
import { watch } from '../../cli/watch.ts'

export default class ClusterStatus extends ReadCommand {
  static override summary = 'Show all members: role, leader, ballot, slots, lag, revision, health.'
  static override description =
    'Asks every member. The exit status is 10 when a member does not answer or is not ready, or nobody leads. With --watch it goes on when nobody answers, and says since when; with --json as well, one object a line. With --data-dir, what a stopped node knows: of the others nothing but who they are.'
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --watch --interval 500ms',
    '<%= config.bin %> <%= command.id %> --json --endpoints http://10.0.0.1:7601,http://10.0.0.2:7601',
  ]

  static override flags = {
    ...stoppedFlags,
    watch: Flags.boolean({
      char: 'w',
      summary: 'Show it again and again, until Ctrl-C.',
      exclusive: ['data-dir'],
    }),
    interval: duration({
      summary: 'Time between two looks with --watch.',
      default: 1000,
      defaultHelp: async () => '1s',
      min: 100,
    }),
  }

  async run(): Promise<ClusterView | undefined> {
    const { flags } = await this.parse(ClusterStatus)
    if (flags['data-dir'] !== undefined) return this.#say(viewStopped(await this.status(flags)))
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
    return this.#say(await viewCluster(admin, endpoints))
  }

  #say(view: ClusterView): ClusterView {
    if (!view.healthy) this.endWith(10)
    this.log(renderCluster(view))
    return view
  }
}
