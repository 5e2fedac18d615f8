import { Args } from '@oclif/core'
import { changeFlags, EpochCommand, membersOf } from '../../cli/epoch-change.ts'
import { memberNamed } from '../../cli/member-named.ts'
import type { EpochChangeJson } from '../../wire/api-types.ts'

export default class MemberRemove extends EpochCommand {
  static override summary = 'Take a member out of the cluster.'
  static override description =
    'It can never vote again under its id, also when it comes back, and serves no clients any more. Its process goes on: stop it when the others have what it holds (`member list` shows their lag). To come back, it starts with an empty data directory and is added anew. Refused when the others would not be a quorum.'
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
      (current) => {
        const { name } = memberNamed(current, args.name)
        return { after: current.epoch, members: membersOf(current).filter((member) => member.name !== name) }
      },
      `Remove ${args.name} for good?`,
    )
    return done ?? { changed: false }
  }
}
