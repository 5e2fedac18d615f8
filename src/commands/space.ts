import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import { PaxosError } from '../base/error.ts'
import { ClusterCommand } from '../cli/cluster-command.ts'
import { counter, duration } from '../cli/flags.ts'
import { count } from '../cli/output.ts'
import { type ContentView, type CountWanted, countContent } from '../cli/space/count-content.ts'
import { renderSpace } from '../cli/space/render-space.ts'
import { type SpaceView, viewMembers } from '../cli/space/space-view.ts'
import { readStoppedSpace } from '../cli/space/stopped-space.ts'
import { StatusLine } from '../cli/status-line.ts'

const depthMax = 16

export default class Space extends ClusterCommand {
  static override summary = 'Show what takes the space: files, free pages, history, keys by prefix, and time to full.'
  static override description =
    `Asks every member for its files. ACCEPTOR and STATE are sizes of files; FREE is what is free inside them, which is used again before they grow. GROWTH/H is of what is used in the state, over the last five minutes to an hour. FULL says when writes will be refused at the present rates, and by what.
Keys are counted on the first endpoint that answers, a page at a time, while it serves: what is written meanwhile may be counted or not. LIVE are keys and values as they are now, HISTORY what they were before and is not compacted. A prefix is told apart by --depth segments that end in a slash, below the PREFIX that is given.
With --data-dir, the same of a stopped node. The exit status is 10 when a member does not answer.`
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> users/ sessions/ --depth 2 --top 20',
    '<%= config.bin %> <%= command.id %> --files --json',
    '<%= config.bin %> <%= command.id %> --data-dir /var/lib/paxos/n1',
  ]

  static override strict = false
  static override args = {
    prefix: Args.string({ description: 'Only keys that begin with this. Several may be given.', ignoreStdin: true }),
  }

  static override flags = {
    depth: counter({ summary: 'Segments, up to a slash each, by which keys are told apart.', default: 1, min: 1 }),
    top: counter({ summary: 'Show so many prefixes, the largest first.', default: 10, min: 1 }),
    files: Flags.boolean({ summary: 'Only files: count no keys.' }),
    'max-time': duration({
      summary: 'Longest time to count keys of a prefix.',
      default: 60_000,
      defaultHelp: async () => '1m',
    }),
    'data-dir': Flags.string({ summary: 'Read this directory of a stopped node.', helpValue: '<dir>' }),
  }

  async run(): Promise<SpaceView> {
    const { argv, flags } = await this.parse(Space)
    const prefixes = argv.map(String)
    if (flags.depth > depthMax) throw new PaxosError('USAGE', `--depth ${flags.depth} is above ${depthMax}`)
    if (flags.files && prefixes.length > 0) {
      throw new PaxosError('USAGE', 'A prefix cannot be counted with --files', { hint: 'Leave one of the two out.' })
    }
    let records = 0
    const wanted = (flags.files ? [] : prefixes.length > 0 ? prefixes : ['']).map((prefix): CountWanted => {
      const { depth, top } = flags
      const onProgress = (counted: number): void => {
        records = counted
      }
      return { prefix, depth, top, timeMs: flags['max-time'], onProgress }
    })
    const progress = new StatusLine({
      stream: process.stderr,
      silent: this.jsonEnabled(),
      line: () => `counted ${count(records, 'record')}`,
    })
    progress.start()
    this.onEnd(() => progress.stop())
    const path = flags['data-dir']
    const view = path === undefined ? await this.#ask(flags, wanted) : await stopped(path, wanted)
    progress.stop()
    this.log(renderSpace(view))
    if (view.members.some(({ space }) => space === null)) this.endWith(10)
    return view
  }

  async #ask(flags: Parameters<ClusterCommand['admin']>[0], wanted: readonly CountWanted[]): Promise<SpaceView> {
    const { admin, endpoints } = await this.admin(flags)
    const { asked, view } = await viewMembers(admin, endpoints)
    const contents: ContentView[] = []
    for (const each of wanted) contents.push(await countContent(admin, asked, each))
    return { ...view, contents }
  }
}

async function stopped(path: string, wanted: readonly CountWanted[]): Promise<SpaceView> {
  const { space, contents } = await readStoppedSpace(path, wanted)
  return { clusterId: space.clusterId, members: [{ member: space.node, endpoint: null, space }], contents }
}
