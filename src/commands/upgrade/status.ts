import { PaxosError } from '../../base/error.ts'
import { ClusterCommand } from '../../cli/cluster-command.ts'
import { askMembers } from '../../cli/member-answers.ts'
import { findMaintenance } from '../../cli/rolling/maintenance.ts'
import { renderUpgrade, type UpgradeView, upgradeView } from '../../cli/upgrade/upgrade-view.ts'

export default class UpgradeStatus extends ClusterCommand {
  static override summary = 'Show which versions run, the feature level, and how far an upgrade is.'
  static override description =
    'Asks every member. A cluster has one feature level: what every version in it understands. It rises with `upgrade finalize` only, so that until then the old version can come back. Works without a quorum, but does not show then whether an upgrade is under way.'
  static override examples = ['<%= config.bin %> <%= command.id %>', '<%= config.bin %> <%= command.id %> --json']

  async run(): Promise<UpgradeView> {
    const { flags } = await this.parse(UpgradeStatus)
    const { admin, endpoints } = await this.admin(flags)
    const { first, answers } = await askMembers(admin, endpoints)
    const client = await this.client(flags)
    let isAsked = true
    const found = await findMaintenance(client).catch((error: unknown) => {
      if (!(error instanceof PaxosError)) throw error
      isAsked = false
      this.remark(`whether an upgrade is under way is not known: ${error.message}`)
      return undefined
    })
    const view = upgradeView(first, answers, found?.record)
    this.log(renderUpgrade(view, isAsked))
    return view
  }
}
