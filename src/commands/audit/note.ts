import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import { checkNote, writeNote } from '../../cli/audit/write-note.ts'
import { ClusterCommand } from '../../cli/cluster-command.ts'
import { firstAnswer } from '../../cli/first-answer.ts'

export default class AuditNote extends ClusterCommand {
  static override summary = 'Write a note into the audit trail, for whoever asks later what was done.'
  static override description =
    'For what the cluster cannot know: a disk that was changed, a restore, a firewall rule. `paxos audit list` shows it among what operators did.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> "n2: new disk, ticket 4711"',
    '<%= config.bin %> <%= command.id %> "n2: new disk, ticket 4711" --dry-run',
  ]

  static override args = {
    text: Args.string({ required: true, description: 'What to remember, at most 1024 bytes.', ignoreStdin: true }),
  }

  static override flags = {
    'dry-run': Flags.boolean({ summary: 'Say whether it could be written, and write nothing.' }),
  }

  async run(): Promise<{ number: number; slot: number } | { dryRun: true }> {
    const { args, flags } = await this.parse(AuditNote)
    checkNote(args.text)
    const { admin, endpoints } = await this.admin(flags)
    if (flags['dry-run']) {
      await firstAnswer(endpoints, (endpoint) => admin.audit(endpoint, { trail: 'admin', limit: 1 }))
      this.remark('the cluster keeps a trail, and would record this')
      return { dryRun: true }
    }
    const noted = await writeNote(admin, endpoints, 'note', args.text)
    this.remark(`recorded in slot ${noted.slot}`)
    return noted
  }
}
