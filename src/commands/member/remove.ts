import * as Args from '@oclif/core/args'
import { changeFlags, EpochCommand } from '../../cli/epoch-change.ts'
import { removal } from '../../cli/removal.ts'
import type { EpochChangeJson } from '../../wire/api-types.ts'

export default class MemberRemove extends EpochCommand {
  static override summary = 'Take a member out of the cluster.'
  static override description =
    'It can never vote again under its id, also when it comes back, and serves no clients any more. Its process goes on: stop it when the others have what it holds (`member list` shows their lag). To come back, it starts with an empty data directory and is added anew. Refused when the others would not be a quorum. Who is out already is no error.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> n3 --dry-run',
    '<%= config.bin %> <%= command.id %> n3 --yes',
  ]

  static override args = {
    name: Args.string({ required: true, description: 'Name or id of the member.', ignoreStdin: true }),
  }
  static override flags = changeFlags

  async run(): Promise<EpochChangeJson | { changed: false }> {
    const { args, flags } = await this.parse(MemberRemove)
    const done = await this.change(
      flags,
      (current, earlier) => removal(current, earlier, args.name),
      `Remove ${args.name} for good?`,
    )
    return done ?? { changed: false }
  }
}
