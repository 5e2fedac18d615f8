import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import { PaxosError } from '../../base/error.ts'
import { ClusterCommand } from '../../cli/cluster-command.ts'
import { formatSize } from '../../cli/format-size.ts'
import { memberNamed } from '../../cli/member-named.ts'
import { formatSeconds } from '../../cli/progress.ts'
import { type ReclaimSource, reclaimNode } from '../../cli/space/reclaim-node.ts'
import { type MemberSpace, viewMembers } from '../../cli/space/space-view.ts'
import { StatusLine } from '../../cli/status-line.ts'
import type { SpaceJson } from '../../wire/api-types.ts'

interface Target {
  readonly member: string
  readonly endpoint: string
  readonly space: SpaceJson
}

interface Reclaimed {
  readonly member: string
  readonly beforeBytes: number
  /** About that much for a dry run. */
  readonly afterBytes: number
  readonly tookMs: number
}

export default class NodeReclaim extends ClusterCommand {
  static override summary = 'Give free pages of state.mdb back to the disk, while the node serves.'
  static override description =
    `A file of LMDB never shrinks by itself; what is free in it is used again. After much was deleted and compacted for good, this has a node write a packed copy of its state.mdb beside it, catch up with what is written meanwhile, and put it in place in one step. It costs as much reading and writing as there is data, half of the node's time at most, and as much free disk until the old file is gone. A crash leaves the old file or the copy, whole.
One node after the other, a leader last. acceptor.mdb is not copied: it is bounded by logBytesKeptMax, and must never be put back to what it was.`
  static override examples = [
    '<%= config.bin %> <%= command.id %> n2',
    '<%= config.bin %> <%= command.id %> --all --dry-run',
    '<%= config.bin %> <%= command.id %> --all --json',
  ]

  static override strict = false
  static override args = {
    name: Args.string({ description: 'Name or id of the member. Several may be given.', ignoreStdin: true }),
  }

  static override flags = {
    all: Flags.boolean({ summary: 'Every member.' }),
    'dry-run': Flags.boolean({ summary: 'Only say how much it would give back.' }),
  }

  async run(): Promise<readonly Reclaimed[]> {
    const { argv, flags } = await this.parse(NodeReclaim)
    const wanted = argv.map(String)
    if (wanted.length > 0 === (flags.all === true))
      throw new PaxosError('USAGE', 'Give either names of members or --all')
    const { admin, endpoints } = await this.admin(flags)
    const { view, leader, roster } = await viewMembers(admin, endpoints)
    const names = wanted.map((each) => memberNamed({ members: roster }, each).name)
    const results: Reclaimed[] = []
    for (const { member, endpoint, space } of chosen(view.members, names, leader)) {
      const { bytes, usedBytes } = space.state
      if (flags['dry-run']) {
        const room = `${formatSize(space.disk.freeBytes)} are free on its disk`
        this.log(`${member}: ${formatSize(bytes)} would become about ${formatSize(usedBytes)}; ${room}`)
        results.push({ member, beforeBytes: bytes, afterBytes: usedBytes, tookMs: 0 })
      } else {
        const done = await this.#reclaim(admin, endpoint, member)
        results.push(done)
        this.log(
          `${member}: ${formatSize(done.beforeBytes)} became ${formatSize(done.afterBytes)} in ${formatSeconds(done.tookMs / 1000)}`,
        )
      }
    }
    return results
  }

  async #reclaim(admin: ReclaimSource, endpoint: string, member: string): Promise<Reclaimed> {
    let copied = 0
    let total = 0
    const line = (): string => `${member}: copied ${formatSize(copied)} of about ${formatSize(total)}`
    const progress = new StatusLine({ stream: process.stderr, silent: this.jsonEnabled(), line })
    progress.start()
    try {
      const done = await reclaimNode(admin, endpoint, ({ copiedBytes, totalBytes }) => {
        copied = copiedBytes
        total = totalBytes
      })
      return { member, beforeBytes: done.beforeBytes ?? 0, afterBytes: done.afterBytes ?? 0, tookMs: done.tookMs ?? 0 }
    } finally {
      progress.stop()
    }
  }
}

/** Members in the order in which it is done: who leads is last. Throws PaxosError when one does not answer. */
function chosen(members: readonly MemberSpace[], names: readonly string[], leader: string | null): readonly Target[] {
  return members
    .filter(({ member }) => names.length === 0 || names.includes(member))
    .toSorted((a, b) => Number(a.member === leader) - Number(b.member === leader))
    .map(({ member, endpoint, space }) => {
      if (endpoint !== null && space !== null) return { member, endpoint, space }
      throw new PaxosError('CANNOT_CONNECT', `${member} does not answer: nothing was begun`, {
        hint: 'Name the others, or bring it back first.',
      })
    })
}
