import * as Flags from '@oclif/core/flags'
import { changeFlags, EpochCommand } from '../../cli/epoch-change.ts'
import { counter } from '../../cli/flags.ts'
import { membersWanted } from '../../cli/members-wanted.ts'
import type { EpochChangeJson } from '../../wire/api-types.ts'

export default class EpochChange extends EpochCommand {
  static override summary = 'Change who votes, and how many it takes, in one step.'
  static override description =
    'The leader finishes what is open and proposes a stop sign; the next epoch begins right after it. What would lose the quorum is refused, with the arithmetic. --members names all members that there are to be: others are taken out for good. --acceptors names all that are to vote: other members become learners. New members are let in by `member add`. The exit status is 6 when the change is, or would be, refused.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> --q1 4 --q2 2 --dry-run',
    '<%= config.bin %> <%= command.id %> --acceptors n1,n2,n4 --yes',
    '<%= config.bin %> <%= command.id %> --members n1,n4,n5 --acceptors n1,n4,n5 --yes',
  ]

  static override flags = {
    ...changeFlags,
    members: Flags.string({ summary: 'The members that stay, separated by commas.', helpValue: '<name,…>' }),
    acceptors: Flags.string({ summary: 'The acceptors, separated by commas.', helpValue: '<name,…>' }),
    q1: counter({ summary: 'Promises needed to lead. Without it a majority, if it is one now.', min: 1 }),
    q2: counter({ summary: 'Votes needed to choose. Without it a majority, if it is one now.', min: 1 }),
  }

  async run(): Promise<EpochChangeJson | { changed: false }> {
    const { flags } = await this.parse(EpochChange)
    const { q1, q2 } = flags
    const done = await this.change(
      flags,
      (current) => {
        const members = membersWanted(current, flags)
        return {
          after: current.epoch,
          members,
          ...(q1 === undefined ? {} : { q1 }),
          ...(q2 === undefined ? {} : { q2 }),
        }
      },
      'Begin this epoch?',
    )
    return done ?? { changed: false }
  }
}
