import { ClusterCommand } from '../../cli/cluster-command.ts'
import { nobodyLeads, searchLeader } from '../../cli/leader.ts'

export default class LeaderShow extends ClusterCommand {
  static override summary = 'Say which node leads.'
  static override description = 'Asks nodes until one of them leads. The exit status is 5 when nobody does.'
  static override examples = ['<%= config.bin %> <%= command.id %>', '<%= config.bin %> <%= command.id %> --json']

  async run(): Promise<{ leader: string; endpoint: string; ballot: string; epoch: number }> {
    const { flags } = await this.parse(LeaderShow)
    const { admin, endpoints } = await this.admin(flags)
    const { leader } = await searchLeader(admin, endpoints)
    if (leader === undefined) throw nobodyLeads()
    const { endpoint, status } = leader
    const [group] = status.groups
    const found = { leader: status.node.name, endpoint, ballot: group?.ballot ?? '', epoch: group?.epoch ?? 0 }
    this.log(`${found.leader} leads epoch ${found.epoch} at ballot ${found.ballot} (${endpoint})`)
    return found
  }
}
