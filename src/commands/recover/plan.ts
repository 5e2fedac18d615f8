import * as Flags from '@oclif/core/flags'
import { PaxosError } from '../../base/error.ts'
import { ClusterCommand } from '../../cli/cluster-command.ts'
import { counter } from '../../cli/flags.ts'
import { makePlan, nextCommands, writePlan } from '../../cli/recover/make-plan.ts'
import type { RecoveryJson } from '../../cli/recover/recovery-json.ts'
import { renderRecovery } from '../../cli/recover/recovery-table.ts'
import { findSurvivors } from '../../cli/recover/survivors.ts'

export default class RecoverPlan extends ClusterCommand {
  static override summary = 'Plan how to go on when a quorum is lost for good.'
  static override description =
    `Reads what every survivor has promised and voted, from the directory of a stopped node or from a running one, says for each open slot what that proves, and exactly what may be lost, and writes a plan. Changes nothing else.
All members of the epoch must be accounted for: their state is given, or they are named with --dead. Refused while there is a quorum, when a running survivor is led or hears one of the dead, and when the survivors cannot be of one history; the exit status is 6 then.`

  static override examples = [
    '<%= config.bin %> <%= command.id %> --dead n2,n3 --data-dir /var/lib/paxos/n1 --dry-run',
    '<%= config.bin %> <%= command.id %> --dead n2,n3 --data-dir /var/lib/paxos/n1 --out recovery.json',
    '<%= config.bin %> <%= command.id %> --dead n3,n4,n5 --endpoints http://10.0.0.1:7601,http://10.0.0.2:7601 --out recovery.json --json',
  ]

  static override flags = {
    dead: Flags.string({
      summary: 'Members that are gone for good, by name or id.',
      helpValue: '<name,…>',
      required: true,
    }),
    'data-dir': Flags.string({
      summary: 'Directory of a stopped survivor; once for each.',
      helpValue: '<dir>',
      multiple: true,
      multipleNonGreedy: true,
    }),
    out: Flags.string({ summary: 'File to write the plan to.', helpValue: '<file>', exclusive: ['dry-run'] }),
    q1: counter({ summary: 'Promises needed to lead in the next epoch. Without it a majority.', min: 1 }),
    q2: counter({ summary: 'Votes needed to choose in the next epoch. Without it a majority.', min: 1 }),
    'dry-run': Flags.boolean({ summary: 'Show the plan, and write none.' }),
  }

  async run(): Promise<RecoveryJson & { file: string | null; commands?: readonly string[] }> {
    const { flags } = await this.parse(RecoverPlan)
    const { out, q1, q2 } = flags
    if (out === undefined && !flags['dry-run']) {
      throw new PaxosError('USAGE', 'It is not said where to write the plan', {
        hint: 'Give --out FILE, or --dry-run.',
      })
    }
    const dataDirs = flags['data-dir'] ?? []
    const { admin, endpoints } = await this.admin(flags)
    // With directories given, running nodes are asked only when they are named.
    const asked = dataDirs.length > 0 && flags.endpoints === undefined ? [] : endpoints
    const found = await findSurvivors({ dataDirs, endpoints: asked }, admin, ({ message }) => this.remark(message))
    const dead = flags.dead.split(',').map((name) => name.trim())
    const plan = await makePlan(found, { dead, q1, q2, version: this.config.version, actor: flags.actor })
    const { about, problems, hint, text } = plan
    if (about !== undefined) this.log(renderRecovery(about))
    if (problems.length > 0 && (out !== undefined || about === undefined)) {
      throw new PaxosError('PRECONDITION_FAILED', problems.join(' '), { hint })
    }
    if (about === undefined || text === undefined || out === undefined) {
      for (const problem of problems) this.log(`refused: ${problem}`)
      if (problems.length > 0) {
        this.remark(hint)
        this.endWith(6)
      }
      return { ...(about as RecoveryJson), file: null }
    }
    await writePlan(out, text)
    const commands = nextCommands(about, out)
    this.remark(`wrote ${out}`)
    for (const command of commands) this.remark(`next  ${command}`)
    return { ...about, file: out, commands: commands }
  }
}
