import { paint, table, unknown } from '../../cli/output.ts'
import { ReadCommand, stoppedFlags } from '../../cli/read-command.ts'
import type { MemberStatusJson } from '../../wire/api-types.ts'

export default class MemberList extends ReadCommand {
  static override summary = 'List the members of the newest epoch, as one node sees them.'
  static override description =
    'Asks the first endpoint that answers, and works without a quorum; with --data-dir, what a stopped node knows. LAG is how many chosen slots a member lacks; it is unknown (?) of a member that does not answer.'
  static override examples = ['<%= config.bin %> <%= command.id %>', '<%= config.bin %> <%= command.id %> --json']

  static override flags = { ...stoppedFlags }

  async run(): Promise<{ epoch: number; leader: string | null; members: readonly MemberStatusJson[] }> {
    const { flags } = await this.parse(MemberList)
    const { groups, members } = await this.status(flags)
    const [group] = groups
    const leader = group?.leader ?? null
    if (!this.jsonEnabled()) process.stdout.write(`${render(members, leader)}\n`)
    return { epoch: group?.epoch ?? 0, leader, members }
  }
}

function render(members: readonly MemberStatusJson[], leader: string | null): string {
  return table(members, [
    { title: 'NAME', value: ({ name }) => (name === leader ? paint('bold', name) : name) },
    { title: 'ID', align: 'right', value: ({ id }) => id },
    { title: 'KIND', value: ({ name, kind }) => (name === leader ? `${kind}, leads` : kind) },
    { title: 'PEER', value: ({ peerAddress }) => peerAddress },
    { title: 'CLIENT', value: ({ clientAddress }) => clientAddress ?? unknown },
    {
      title: 'ANSWERS',
      value: ({ reachable }) => (reachable ? 'yes' : 'no'),
      style: ({ reachable }) => (reachable ? undefined : 'red'),
    },
    { title: 'LAG', align: 'right', value: ({ lagSlots }) => lagSlots?.toString() ?? unknown },
  ])
}
