import * as Args from '@oclif/core/args'
import { changeFlags, EpochCommand } from '../../cli/epoch-change.ts'
import { replacement } from '../../cli/replacement.ts'
import type { EpochChangeJson } from '../../wire/api-types.ts'

export default class MemberReplace extends EpochCommand {
  static override summary = 'Put a learner in the place of another member, in one step.'
  static override description =
    'NEW is a learner that has caught up: `member add NEW --address … --learner` makes one. It votes from the moment in which OLD is out, so the cluster is never smaller in between. OLD may be dead.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> n3 n4 --dry-run',
    '<%= config.bin %> <%= command.id %> n3 n4 --yes',
  ]

  static override args = {
    old: Args.string({ required: true, description: 'Name or id of the member to remove.', ignoreStdin: true }),
    new: Args.string({ required: true, description: 'Name or id of the learner.', ignoreStdin: true }),
  }
  static override flags = changeFlags

  async run(): Promise<EpochChangeJson | { changed: false }> {
    const { args, flags } = await this.parse(MemberReplace)
    const done = await this.change(
      flags,
      (current) => replacement(current, args.old, args.new),
      `Put ${args.new} in the place of ${args.old}?`,
    )
    return done ?? { changed: false }
  }
}
