import { PaxosError } from '../../base/error.ts'
import { changeFlags, EpochCommand } from '../../cli/epoch-change.ts'
import { counter } from '../../cli/flags.ts'
import { askMembers } from '../../cli/member-answers.ts'
import { upgradeView } from '../../cli/upgrade/upgrade-view.ts'
import type { EpochChangeJson } from '../../wire/api-types.ts'

export default class UpgradeFinalize extends EpochCommand {
  static override summary = 'End an upgrade: raise the feature level. Older versions cannot come back then.'
  static override description =
    'The leader refuses it unless every member, learners too, answers and understands the level. It is a change of epoch: the cluster pauses for a few rounds. A member that is gone for good holds it up: take it out first with `member remove`. The exit status is 6 when it is, or would be, refused.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> --dry-run',
    '<%= config.bin %> <%= command.id %> --yes',
  ]

  static override flags = {
    ...changeFlags,
    level: counter({ summary: 'The level [default: the highest that every member understands].', min: 1 }),
  }

  async run(): Promise<EpochChangeJson | { changed: false }> {
    const { flags } = await this.parse(UpgradeFinalize)
    const featureLevel = flags.level ?? (await this.#highestLevel(flags))
    const done = await this.change(
      flags,
      (current) =>
        current.featureLevel === featureLevel
          ? `the feature level is ${featureLevel} already`
          : { after: current.epoch, featureLevel },
      `Raise the feature level to ${featureLevel}? There is no way back.`,
    )
    return done ?? { changed: false }
  }

  async #highestLevel(flags: Parameters<EpochCommand['change']>[0]): Promise<number> {
    const { admin, endpoints } = await this.admin(flags)
    const { first, answers } = await askMembers(admin, endpoints)
    const { highestLevel, featureLevel, blockers } = upgradeView(first, answers, undefined)
    if (highestLevel > featureLevel || blockers.length === 0) return highestLevel
    throw new PaxosError('PRECONDITION_FAILED', `The feature level stays ${featureLevel}: ${blockers.join('; ')}`, {
      hint: '`paxos upgrade run` upgrades the nodes that are behind; `paxos member remove` takes out what is gone for good.',
    })
  }
}
