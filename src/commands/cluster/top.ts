import * as Flags from '@oclif/core/flags'
import { ClusterCommand } from '../../cli/cluster-command.ts'
import { counter, duration } from '../../cli/flags.ts'
import { isLive } from '../../cli/output.ts'
import { pause } from '../../cli/pause.ts'
import { renderTop, topHeading, topLines } from '../../cli/top/render-top.ts'
import { type TopSample, TopSampler } from '../../cli/top/top-sampler.ts'
import { watch } from '../../cli/watch.ts'

export default class ClusterTop extends ClusterCommand {
  static override summary = 'Show what every member does each second: throughput, latency, batches, flushes.'
  static override description =
    `Reads the metrics of every member and shows what came between two readings, until Ctrl-C. WRITES/S and READS/S are those that clients asked of the member, with their mean time and the 99th percentile in milliseconds; BATCH is requests in a slot, of who proposed any; FLUSH/S are durable commits of votes; APPLIED/S is what the whole cluster did, as this member applied it.
A terminal is redrawn in place; elsewhere each member is a line. With --json, one object a line. A member that does not answer is shown as such, and does not hold up the others. The exit status is 10 when one did not answer the last time.`
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --interval 5s --count 12',
    '<%= config.bin %> <%= command.id %> --once --json',
  ]

  static override flags = {
    interval: duration({
      summary: 'Time between two readings.',
      default: 1000,
      defaultHelp: async () => '1s',
      min: 200,
    }),
    count: counter({ summary: 'End after so many.', min: 1, exclusive: ['once'] }),
    once: Flags.boolean({ summary: 'The same as --count 1.' }),
  }

  async run(): Promise<undefined> {
    const { flags } = await this.parse(ClusterTop)
    const { admin, endpoints } = await this.admin(flags)
    const sampler = new TopSampler(admin, endpoints, Math.max(500, flags.interval / 2))
    // What came since when? The first reading only begins.
    await sampler.sample()
    await pause(flags.interval)
    let isFirst = true
    const draw = (sample: TopSample): string => {
      const heading = isFirst ? [topHeading()] : []
      isFirst = false
      if (this.jsonEnabled()) return JSON.stringify(sample)
      return isLive(process.stdout)
        ? renderTop(sample, process.stdout.columns)
        : [...heading, ...topLines(sample)].join('\n')
    }
    const last = await watch({
      everyMs: flags.interval,
      times: flags.once === true ? 1 : flags.count,
      show: () => sampler.sample(),
      draw,
    })
    if (last.members.some(({ answers }) => !answers)) this.endWith(10)
    return undefined
  }
}
