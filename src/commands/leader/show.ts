import { nobodyLeads, searchLeader } from '../../cli/leader.ts'
import { ReadCommand, stoppedFlags } from '../../cli/read-command.ts'
import type { StatusJson } from '../../wire/api-types.ts'

interface LeaderShown {
  /** Null of a stopped node, as `endpoint`. */
  readonly leader: string | null
  readonly endpoint: string | null
  readonly ballot: string
  readonly epoch: number
}

export default class LeaderShow extends ReadCommand {
  static override summary = 'Say which node leads.'
  static override description =
    'Asks nodes until one of them leads. The exit status is 5 when nobody does. With --data-dir, whose ballot a stopped node promised last, which says who led then or tried to; the exit status is 5, since who leads now is not in a directory.'
  static override examples = ['<%= config.bin %> <%= command.id %>', '<%= config.bin %> <%= command.id %> --json']

  static override flags = { ...stoppedFlags }

  async run(): Promise<LeaderShown> {
    const { flags } = await this.parse(LeaderShow)
    if (flags['data-dir'] !== undefined) return this.#sayPromised(await this.status(flags))
    const { admin, endpoints } = await this.admin(flags)
    const { leader } = await searchLeader(admin, endpoints)
    if (leader === undefined) throw nobodyLeads()
    const { endpoint, status } = leader
    const [group] = status.groups
    const found = { leader: status.node.name, endpoint, ballot: group?.ballot ?? '', epoch: group?.epoch ?? 0 }
    this.log(`${found.leader} leads epoch ${found.epoch} at ballot ${found.ballot} (${endpoint})`)
    return found
  }

  #sayPromised({ node, groups, members }: StatusJson): LeaderShown {
    const { promised = '0.0', epoch = 0 } = groups[0] ?? {}
    const id = promised.split('.')[1]
    const owner = members.find((member) => member.id === id)?.name
    const last =
      id === '0' ? 'it has promised no ballot' : `it promised ballot ${promised} last, of ${owner ?? `id ${id}`}`
    this.log(`${node.name} is stopped, and does not know who leads: in epoch ${epoch} ${last}`)
    this.endWith(5)
    return { leader: null, endpoint: null, ballot: promised, epoch }
  }
}
