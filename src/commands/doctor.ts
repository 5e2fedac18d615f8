import * as Flags from '@oclif/core/flags'
import { formatDuration } from '../base/duration.ts'
import { PaxosError } from '../base/error.ts'
import { ClusterCommand, type ConnectionFlags } from '../cli/cluster-command.ts'
import { findingIds } from '../cli/doctor/finding.ts'
import { addMute, mutesPath, readMutes, removeMute } from '../cli/doctor/mutes.ts'
import { type DoctorReport, type Examined, renderReport, reportOf } from '../cli/doctor/report.ts'
import { duration } from '../cli/flags.ts'

const monthMs = 30 * 24 * 3_600_000

export default class Doctor extends ClusterCommand {
  static override summary = 'Find out what is wrong, and what mends it.'
  static override description =
    `Asks every member, or looks into the data directory of a stopped node. Each finding has an id, a severity, what was seen, the next step, and a section in docs/DOCTOR.md. Changes nothing in the cluster.

The exit status is 10 when there is an error or a warning that is not muted, 0 otherwise: what is only worth knowing (info) does not count. 3: nobody answers, or there is no such directory.

A mute is for one finding of this cluster, for a time, and only for whoever set it: it is in mutes.json in $XDG_CONFIG_HOME/paxos or ~/.config/paxos.`

  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --endpoints unix:/var/lib/paxos/node/paxos.sock --json',
    '<%= config.bin %> <%= command.id %> --data-dir /var/lib/paxos/node',
    '<%= config.bin %> <%= command.id %> --mute VERSION_MIX --for 2h',
  ]

  static override flags = {
    'data-dir': Flags.string({ summary: 'Examine this directory of a stopped node.', helpValue: '<dir>' }),
    mute: Flags.string({
      summary: 'Do not count this finding, for a time.',
      options: [...findingIds],
      helpValue: '<id>',
      dependsOn: ['for'],
    }),
    for: duration({ summary: 'How long, up to 30d.', dependsOn: ['mute'], max: monthMs }),
    unmute: Flags.string({
      summary: 'Count this finding again.',
      options: [...findingIds],
      helpValue: '<id>',
      exclusive: ['mute'],
    }),
  }

  async run(): Promise<DoctorReport> {
    const { flags } = await this.parse(Doctor)
    const examined = await this.#examine(flags)
    const { clusterId } = examined
    const path = mutesPath(process.env)
    const now = Date.now()
    let mutes = await readMutes(path, now)
    const wanted = findingIds.find((id) => id === (flags.mute ?? flags.unmute))
    if (wanted !== undefined) {
      if (clusterId === null) {
        throw new PaxosError('PRECONDITION_FAILED', 'Nothing is muted: it is not known which cluster this is', {
          hint: 'The identity in the data directory cannot be read.',
        })
      }
      const mute = { clusterId, id: wanted }
      const before = mutes.length
      if (flags.for) {
        mutes = await addMute(path, { ...mute, untilMs: now + flags.for }, now)
        const until = new Date(now + flags.for).toISOString()
        this.remark(`${wanted} is muted for ${formatDuration(flags.for)}, until ${until}`)
      } else {
        mutes = await removeMute(path, mute, now)
        this.remark(mutes.length < before ? `${wanted} counts again` : `${wanted} was not muted`)
      }
    }
    const report = reportOf(examined, mutes)
    this.log(renderReport(report))
    if (!report.healthy) this.endWith(10)
    return report
  }

  async #examine(flags: ConnectionFlags & { readonly 'data-dir'?: string | undefined }): Promise<Examined> {
    const path = flags['data-dir']
    if (path !== undefined) {
      const { examineDirectory } = await import('../cli/doctor/examine-directory.ts')
      const { directoryFindings } = await import('../cli/doctor/directory-checks.ts')
      const facts = await examineDirectory(path)
      return { clusterId: facts.clusterId, examined: [facts.path], findings: directoryFindings(facts) }
    }
    const { admin, endpoints } = await this.admin(flags)
    const { examineCluster } = await import('../cli/doctor/examine-cluster.ts')
    return await examineCluster(admin, endpoints)
  }
}
