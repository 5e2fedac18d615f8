import { ClusterCommand, type ConnectionFlags } from '../../cli/cluster-command.ts'
import { counter } from '../../cli/flags.ts'
import { votesInWords } from '../../cli/log-table.ts'
import { paint, table } from '../../cli/output.ts'
import { type StoppedFlags, stoppedFlags } from '../../cli/read-command.ts'
import type { GapRowJson, GapsJson } from '../../wire/api-types.ts'

export default class LogGaps extends ClusterCommand {
  static override summary = 'Show slots that are not known chosen, and why.'
  static override description =
    `Asks every acceptor, through the first endpoint, and changes nothing; with --data-dir, a stopped node alone. Classes:
truncated: no gap, the slots were removed after use. unlearned: chosen elsewhere, and will be fetched. inFlight: voted at the current leader's ballot. undecided: voted at older ballots only. hole: no vote in a phase-1 quorum, while later slots have votes. unknown: too few acceptors answered to tell.
The exit status is 5 when fewer than a phase-1 quorum answered: there may be votes that nobody told of.`

  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --from 100 --to 200 --json',
  ]

  static override flags = {
    from: counter({ summary: 'First slot.' }),
    to: counter({ summary: 'Slot before which to stop.' }),
    ...stoppedFlags,
  }

  async run(): Promise<GapsJson> {
    const { flags } = await this.parse(LogGaps)
    const found = await this.#find(flags)
    if (!this.jsonEnabled()) process.stdout.write(`${render(found)}\n`)
    if (!found.known) this.endWith(5)
    return found
  }

  async #find(
    flags: ConnectionFlags & StoppedFlags & { readonly from: number | undefined; readonly to: number | undefined },
  ): Promise<GapsJson> {
    const { from, to, 'data-dir': path } = flags
    if (path !== undefined) {
      const { readStoppedGaps } = await import('../../cli/stopped-gaps.ts')
      return await readStoppedGaps(path, { from, to })
    }
    const { admin, endpoints } = await this.admin(flags)
    return await admin.gaps(endpoints[0] ?? '', { from, to })
  }
}

const unknown =
  'unknown: too few acceptors answered to know of every vote; bring members back and ask again (`paxos cluster status`)'

function render(found: GapsJson): string {
  const { group, epoch, from, to, answered, silent, highestVoted, chosenUpTo, rows } = found
  const head = [
    `group ${group}, epoch ${epoch}: every slot below ${chosenUpTo} is chosen, the highest with a vote is ${highestVoted ?? 'none'}`,
    `asked about ${from} up to ${to}: ${answered.join(', ') || 'nobody'} answered${silent.length === 0 ? '' : `, ${silent.join(', ')} did not`}${found.more ? '; there is more (--from)' : ''}`,
  ]
  const tail = found.known ? [] : [paint('yellow', unknown)]
  if (rows.length === 0) return [...head, ...(found.known ? ['no gaps'] : tail)].join('\n')
  const slots = (row: GapRowJson): string => (row.to === row.from + 1 ? String(row.from) : `${row.from}…${row.to - 1}`)
  const body = table(rows, [
    { title: 'SLOTS', align: 'right', value: slots },
    {
      title: 'CLASS',
      value: (row) => row.class,
      style: (row) => (row.class === 'hole' || row.class === 'unknown' ? 'red' : undefined),
    },
    { title: 'VOTES', value: (row) => votesInWords(row.votes) },
    { title: 'ADVICE', value: (row) => row.advice },
  ])
  return [...head, body, ...tail].join('\n')
}
