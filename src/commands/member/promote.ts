import * as Args from '@oclif/core/args'
import { changeFlags, EpochCommand, membersOf } from '../../cli/epoch-change.ts'
import { memberNamed } from '../../cli/member-named.ts'
import type { EpochChangeJson } from '../../wire/api-types.ts'

export default class MemberPromote extends EpochCommand {
  static override summary = 'Make a learner an acceptor: from then on it votes.'
  static override description =
    'Refused while it does not answer or lags. Promoting an acceptor changes nothing, and is no error.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> n4 --dry-run',
    '<%= config.bin %> <%= command.id %> n4 --yes',
  ]

  static override args = {
    name: Args.string({ required: true, description: 'Name or id of the member.', ignoreStdin: true }),
  }
  static override flags = changeFlags

  async run(): Promise<EpochChangeJson | { changed: false }> {
    const { args, flags } = await this.parse(MemberPromote)
    const done = await this.change(
      flags,
      (current) => {
        const { name, kind } = memberNamed(current, args.name)
        if (kind === 'acceptor') return `${name} is an acceptor already`
        const members = membersOf(current).map((member) =>
          member.name === name ? { name, kind: 'acceptor' as const } : member,
        )
        return { after: current.epoch, members }
      },
      `Let ${args.name} vote?`,
    )
    return done ?? { changed: false }
  }
}
