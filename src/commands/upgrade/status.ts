import { PaxosError } from '../../base/error.ts'
import type { ConnectionFlags } from '../../cli/cluster-command.ts'
import { askMembers } from '../../cli/member-answers.ts'
import { ReadCommand, type StoppedFlags, stoppedFlags } from '../../cli/read-command.ts'
import { findMaintenance } from '../../cli/rolling/maintenance.ts'
import { renderUpgrade, type UpgradeView, upgradeView } from '../../cli/upgrade/upgrade-view.ts'

export default class UpgradeStatus extends ReadCommand {
  static override summary = 'Show which versions run, the feature level, and how far an upgrade is.'
  static override description =
    'Asks every member. A cluster has one feature level: what every version in it understands. It rises with `upgrade finalize` only, so that until then the old version can come back. Works without a quorum, but does not show then whether an upgrade is under way. With --data-dir, what a stopped node has written down: the level, and an upgrade that was under way; which versions run is in no directory.'
  static override examples = ['<%= config.bin %> <%= command.id %>', '<%= config.bin %> <%= command.id %> --json']

  static override flags = { ...stoppedFlags }

  async run(): Promise<UpgradeView> {
    const { flags } = await this.parse(UpgradeStatus)
    if (flags['data-dir'] !== undefined) return await this.#ofStopped(flags)
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

  async #ofStopped(flags: ConnectionFlags & StoppedFlags): Promise<UpgradeView> {
    const status = await this.status(flags)
    const found = await findMaintenance(await this.reader(flags))
    const answers = status.members.map(({ name }) => ({ name, endpoint: undefined, status: undefined }))
    const view = upgradeView(status, answers, found?.record)
    this.log(renderUpgrade(view, true, `${status.node.name} is stopped, and knows no versions`))
    return view
  }
}
