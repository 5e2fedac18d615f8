import { Args } from '@oclif/core'
import { writeNote } from '../../cli/audit/write-note.ts'
import { ClusterCommand } from '../../cli/cluster-command.ts'

export default class AuditNote extends ClusterCommand {
  static override summary = 'Write a note into the audit trail, for whoever asks later what was done.'
  static override description =
    'For what the cluster cannot know: a disk that was changed, a restore, a firewall rule. `paxos audit list` shows it among what operators did.'
  static override examples = ['<%= config.bin %> <%= command.id %> "n2: new disk, ticket 4711"']

  static override args = {
    text: Args.string({ required: true, description: 'What to remember, at most 1024 bytes.', ignoreStdin: true }),
  }

  async run(): Promise<{ number: number; slot: number }> {
    const { args, flags } = await this.parse(AuditNote)
    const { admin, endpoints } = await this.admin(flags)
    const noted = await writeNote(admin, endpoints, 'note', args.text)
    this.remark(`recorded in slot ${noted.slot}`)
    return noted
  }
}
