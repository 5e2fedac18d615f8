import * as Flags from '@oclif/core/flags'
import { PaxosError } from '../../base/error.ts'
import { ClusterCommand } from '../../cli/cluster-command.ts'
import { counter } from '../../cli/flags.ts'
import { readIncrementLog } from '../../cli/increment-log.ts'
import { logHeading, renderLogLine, renderTimedLog } from '../../cli/log-table.ts'
import { withVotes } from '../../cli/log-votes.ts'
import { defaultFrom, readStoppedLog } from '../../cli/stopped-log.ts'
import type { LogLineJson } from '../../wire/api-types.ts'

export default class LogInspect extends ClusterCommand {
  static override summary = 'Show the slots of the log: state, ballot (round.node), kind, commands.'
  static override description =
    'Asks the first endpoint for its own log, or reads the data directory of a stopped node, or what an increment of a backup holds: that is how to find where to restore to. Without --from, the last 50 slots. With --follow and --json, one object a line.'
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --from 100 --to 120 --values --json',
    '<%= config.bin %> <%= command.id %> --follow',
    '<%= config.bin %> <%= command.id %> --votes',
    '<%= config.bin %> <%= command.id %> --data-dir /var/lib/paxos/n1',
    '<%= config.bin %> <%= command.id %> --increment orders-1.paxos --from 0 --commands 1000',
  ]

  static override flags = {
    from: counter({ summary: 'First slot.' }),
    to: counter({ summary: 'Slot before which to stop.' }),
    follow: Flags.boolean({
      char: 'f',
      summary: 'Go on with slots as they are chosen.',
      exclusive: ['to', 'data-dir', 'increment'],
    }),
    'data-dir': Flags.string({ summary: 'Read this directory of a stopped node.', helpValue: '<dir>' }),
    increment: Flags.string({
      summary: 'Read this increment of a backup, with the times of its batches.',
      helpValue: '<file>',
      exclusive: ['data-dir'],
    }),
    votes: Flags.boolean({
      summary: 'Ask every member, and show who voted at which ballot, and who knows it chosen.',
      exclusive: ['follow', 'data-dir', 'increment'],
    }),
    values: Flags.boolean({ summary: 'With --json: the values too, not only their sizes.' }),
    commands: counter({ summary: 'Commands to show for a slot.', default: 8, min: 1 }),
  }

  async run(): Promise<{ lines: LogLineJson[] } | undefined> {
    const { flags } = await this.parse(LogInspect)
    const { from, to, follow, values } = flags
    if (from !== undefined && to !== undefined && to <= from) {
      throw new PaxosError('USAGE', `--to ${to} is not above --from ${from}`, {
        hint: 'The range is from, up to and without to.',
      })
    }
    const path = flags['data-dir']
    if (path !== undefined) return this.#show(await readStoppedLog(path, { from, to }, values), flags.commands)
    if (flags.increment !== undefined) {
      const lines = await readIncrementLog(flags.increment, { from, to }, values)
      this.log(renderTimedLog(lines, flags.commands))
      return { lines }
    }
    const { admin, endpoints } = await this.admin(flags)
    const endpoint = endpoints[0] ?? ''
    const start = from ?? defaultFrom(to ?? (await admin.status(endpoint)).groups[0]?.chosen ?? 0)
    if (follow) {
      if (!this.jsonEnabled()) process.stdout.write(`${logHeading}\n`)
      process.on('SIGINT', () => process.exit(0))
      for await (const line of admin.log(endpoint, { from: start, follow, values })) {
        const text = this.jsonEnabled() ? JSON.stringify(line) : renderLogLine(line, flags.commands)
        process.stdout.write(`${text}\n`)
      }
      return undefined
    }
    const lines: LogLineJson[] = []
    for await (const line of admin.log(endpoint, { from: start, to, values })) lines.push(line)
    if (!flags.votes) return this.#show(lines, flags.commands)
    const found = await withVotes(admin, endpoint, lines)
    if (found.silent.length > 0) this.remark(`no answer from ${found.silent.join(', ')}`)
    return this.#show(found.lines, flags.commands)
  }

  #show(lines: LogLineJson[], commandsMax: number): { lines: LogLineJson[] } {
    this.log([logHeading, ...lines.map((line) => renderLogLine(line, commandsMax))].join('\n'))
    return { lines }
  }
}
