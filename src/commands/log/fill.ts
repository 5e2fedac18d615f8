import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import { PaxosError } from '../../base/error.ts'
import { ClusterCommand } from '../../cli/cluster-command.ts'
import { count, table } from '../../cli/output.ts'
import type { LogFillJson } from '../../wire/api-types.ts'

export default class LogFill extends ClusterCommand {
  static override summary = 'Have a gap decided, and say what it got.'
  static override description =
    'Writes nothing itself: what a slot must get is decided by a leader, whose phase 1 asks a quorum, and may be a real command instead of a no-op. So this sees that somebody leads, and waits. Refused for slots that are truncated, above the highest that anybody voted in, or above a stop sign, and while too few acceptors answer: a vote may hide behind the silence.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> 4711',
    '<%= config.bin %> <%= command.id %> --all --dry-run',
    '<%= config.bin %> <%= command.id %> --all --take-over --json',
  ]

  static override args = { slot: Args.string({ description: 'The slot.', ignoreStdin: true }) }
  static override flags = {
    all: Flags.boolean({ summary: 'Every gap that the asked node knows of.' }),
    'take-over': Flags.boolean({ summary: 'When nobody leads, let the asked node seek leadership.' }),
    'dry-run': Flags.boolean({ summary: 'Show the gaps, and change nothing.' }),
  }

  async run(): Promise<LogFillJson> {
    const { args, flags } = await this.parse(LogFill)
    if ((args.slot === undefined) === !flags.all) {
      throw new PaxosError('USAGE', 'Give either a slot or --all', { hint: '`paxos log gaps` shows what is missing.' })
    }
    if (args.slot !== undefined && !/^\d{1,15}$/.test(args.slot)) {
      throw new PaxosError('USAGE', `"${args.slot}" is not a slot`, { hint: 'Slots are whole numbers from 0 on.' })
    }
    const { admin, endpoints } = await this.admin(flags)
    const done = await admin.fill(endpoints[0] ?? '', {
      ...(args.slot === undefined ? {} : { slot: Number(args.slot) }),
      takeOver: flags['take-over'] ?? false,
      dryRun: flags['dry-run'] ?? false,
    })
    if (!this.jsonEnabled()) process.stdout.write(`${render(done, flags['dry-run'])}\n`)
    if (done.more) this.remark('there are more slots than were looked at: run it again')
    return done
  }
}

function render({ filled, gaps }: LogFillJson, isDryRun: boolean): string {
  if (gaps.length === 0) return 'no gaps: nothing to fill'
  if (isDryRun) {
    return table(gaps, [
      { title: 'SLOTS', align: 'right', value: ({ from, to }) => (to === from + 1 ? `${from}` : `${from}…${to - 1}`) },
      { title: 'CLASS', value: (row) => row.class },
      { title: 'WHAT WOULD HAPPEN', value: (row) => row.advice },
    ])
  }
  const rows = table(filled, [
    { title: 'SLOT', align: 'right', value: ({ slot }) => String(slot) },
    { title: 'STATE', value: ({ state }) => state },
    { title: 'GOT', value: ({ kind }) => (kind === 'noop' ? 'a no-op' : (kind ?? '')) },
    { title: 'BALLOT', value: ({ ballot }) => ballot ?? '' },
  ])
  return `${rows}\n${count(filled.length, 'slot')} decided`
}
