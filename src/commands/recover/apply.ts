import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import { BaseCommand } from '../../cli/base-command.ts'
import { confirm } from '../../cli/confirm.ts'
import { table } from '../../cli/output.ts'
import { type ApplyJson, applyJson, applyTo, readPlanFile } from '../../cli/recover/apply-plan.ts'
import { planLoss } from '../../cli/recover/plan-loss.ts'

export default class RecoverApply extends BaseCommand {
  static override summary = 'Apply a recovery plan to the directory of a stopped survivor.'
  static override description =
    `Ends the old epoch in the directory, with the entries that the plan decided, and begins the next one without the dead, in one transaction. The node is then of another cluster than the dead, who cannot get in any more.
Run it on every survivor, with the same plan, before any of them is started. An interrupted run is repeated; one that is done is left as it is. Refused when the node runs, when anything has changed since the plan was made, and for any other directory; the exit status is 6 then.`

  static override examples = [
    '<%= config.bin %> <%= command.id %> recovery.json --data-dir /var/lib/paxos/n1 --dry-run',
    '<%= config.bin %> <%= command.id %> recovery.json --data-dir /var/lib/paxos/n1 --yes --json',
  ]

  static override args = {
    plan: Args.string({ required: true, description: 'A plan of `recover plan`.', ignoreStdin: true }),
  }

  static override flags = {
    'data-dir': Flags.string({
      summary: 'Directory of a stopped survivor; once for each.',
      helpValue: '<dir>',
      multiple: true,
      multipleNonGreedy: true,
      required: true,
    }),
    'dry-run': Flags.boolean({ summary: 'Check everything and say what would be done.' }),
    yes: Flags.boolean({ char: 'y', summary: 'Do not ask.' }),
  }

  async run(): Promise<ApplyJson> {
    const { args, flags } = await this.parse(RecoverApply)
    const plan = await readPlanFile(args.plan)
    const directories = flags['data-dir']
    const dryRun = flags['dry-run']
    // All of them are looked at before any of them is changed.
    let members = await applyTo(plan, directories, true)
    if (!dryRun) {
      if (!flags.yes) {
        for (const line of planLoss(plan)) this.remark(line)
        await confirm(`End epoch ${plan.next.number - 1} without ${plan.dead.map(({ name }) => name).join(', ')}?`)
      }
      members = await applyTo(plan, directories, false)
    }
    const applied = applyJson(plan, members, dryRun)
    this.log(render(applied))
    return applied
  }
}

function render({ members, left, epoch, startSlot, dryRun, recoveredClusterId }: ApplyJson): string {
  const state = (found: string): string => {
    if (found === 'applied') return 'was applied before'
    if (dryRun) return found === 'interrupted' ? 'would be finished' : 'would be applied'
    return found === 'interrupted' ? 'finished' : 'applied'
  }
  return [
    `cluster ${recoveredClusterId}, epoch ${epoch} from slot ${startSlot} on`,
    table(members, [
      { title: 'MEMBER', value: ({ member }) => member },
      { title: 'STATE', value: ({ found }) => state(found) },
      { title: 'DIRECTORY', value: ({ directory }) => directory },
    ]),
    left.length === 0
      ? 'no survivor is left out: start them, then run `paxos recover verify` with the plan'
      : `not given here: ${left.join(', ')}. Apply the plan to each before you start any`,
  ].join('\n')
}
