import * as Args from '@oclif/core/args'
import { ClusterCommand } from '../../cli/cluster-command.ts'
import { duration } from '../../cli/flags.ts'
import { table } from '../../cli/output.ts'
import { pause } from '../../cli/pause.ts'
import { readPlanFile } from '../../cli/recover/apply-plan.ts'
import { type RecoveredJson, verifyRecovery } from '../../cli/recover/verify-recovery.ts'

const lookEveryMs = 200

export default class RecoverVerify extends ClusterCommand {
  static override summary = 'Check that a recovery did what its plan says.'
  static override description =
    'Asks every endpoint: whether all survivors are in the new epoch and have applied what the plan decided, follow one leader and hold the same data, and whether anything of the dead still runs. Name the old addresses of the dead, too. Changes nothing; the exit status is 10 when something is not so.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> recovery.json',
    '<%= config.bin %> <%= command.id %> recovery.json --endpoints http://10.0.0.1:7601,http://10.0.0.2:7601 --wait 30s --json',
  ]

  static override args = {
    plan: Args.string({ required: true, description: 'The plan that was applied.', ignoreStdin: true }),
  }

  static override flags = {
    wait: duration({ summary: 'Wait so long for all of it to become true.' }),
  }

  async run(): Promise<RecoveredJson> {
    const { args, flags } = await this.parse(RecoverVerify)
    const plan = await readPlanFile(args.plan)
    const { admin, endpoints } = await this.admin(flags)
    const deadline = performance.now() + (flags.wait ?? 0)
    let found = await verifyRecovery(plan, admin, endpoints)
    while (!found.recovered && performance.now() < deadline) {
      await pause(lookEveryMs)
      found = await verifyRecovery(plan, admin, endpoints)
    }
    this.log(render(found))
    if (!found.recovered) this.endWith(10)
    return found
  }
}

function render({ checks, recovered, clusterId }: RecoveredJson): string {
  const rows = table(checks, [
    {
      title: '',
      value: ({ good }) => (good ? 'yes' : 'no'),
      style: ({ good }) => (good ? 'green' : 'red'),
    },
    { title: 'CHECK', value: ({ check }) => check },
    { title: 'SEEN', value: ({ seen }) => seen },
  ])
  return `${rows}\n${recovered ? `recovered: cluster ${clusterId}` : 'not recovered'}`
}
