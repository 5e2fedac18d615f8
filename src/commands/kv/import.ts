import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import { ClusterCommand } from '../../cli/cluster-command.ts'
import { formatOf, type ImportSummary, importRecords } from '../../cli/import.ts'
import { count } from '../../cli/output.ts'

export default class KvImport extends ClusterCommand {
  static override summary = 'Write many keys from a file or standard input.'
  static override description =
    `NDJSON lines are {"key":"a","value":"1"}, with "key64" and "value64" for bytes that are not text. Objects of any other shape can be stored whole with --key-field. TSV lines are key, tab, value.

With --on-bad refuse, a file is checked first and nothing is written if a line is bad; standard input stops at the bad line. With --resume, Ctrl-C, a kill or a lost cluster costs nothing: the same command goes on where everything was certainly written.`

  static override examples = [
    '<%= config.bin %> <%= command.id %> all.ndjson',
    '<%= config.bin %> <%= command.id %> packages.ndjson --key-field Package --prefix pkg/',
    'zcat dump.tsv.gz | <%= config.bin %> <%= command.id %> - --format tsv --on-bad skip',
    '<%= config.bin %> <%= command.id %> big.ndjson --resume big.checkpoint',
  ]

  static override args = {
    file: Args.string({ required: true, description: 'File to read; - reads standard input.', ignoreStdin: true }),
  }

  static override flags = {
    format: Flags.option({
      options: ['ndjson', 'tsv'] as const,
      summary: 'What a line looks like; without it, the file name decides.',
    })(),
    'key-field': Flags.string({
      summary: 'NDJSON: this field is the key, the whole line the value.',
      helpValue: '<name>',
    }),
    prefix: Flags.string({ summary: 'Put this before every key.', helpValue: '<text>' }),
    'on-bad': Flags.option({
      options: ['refuse', 'skip'] as const,
      default: 'refuse' as const,
      summary: 'What to do when a line is bad.',
    })(),
    resume: Flags.string({ summary: 'Keep a checkpoint in this file, and go on from it.', helpValue: '<file>' }),
    'max-in-flight': Flags.integer({ summary: 'Writes under way at once.', min: 1, max: 65_536, default: 2048 }),
  }

  async run(): Promise<ImportSummary> {
    const { args, flags } = await this.parse(KvImport)
    const inFlightMax = flags['max-in-flight']
    // A session, so that what is sent again after a lost connection is written once.
    const client = await this.client(flags, { session: true, maxInFlight: inFlightMax })
    const done = await importRecords(client, {
      path: args.file,
      format: flags.format ?? formatOf(args.file),
      keyField: flags['key-field'],
      prefix: flags.prefix,
      onBad: flags['on-bad'],
      inFlightMax,
      resume: flags.resume,
      silent: this.jsonEnabled(),
    })
    for (const { line, reason } of done.badLines) this.remark(`skipped line ${line}: ${reason}`)
    if (done.bad > done.badLines.length && done.badLines.length > 0) {
      this.remark(`and ${done.bad - done.badLines.length} more bad lines`)
    }
    this.log(
      `${count(done.records, 'record')} written in ${done.seconds} s (${done.recordsPerSecond.toLocaleString('en-US')}/s), ${count(done.bad, 'bad line')}, up to line ${done.lines}`,
    )
    if (done.interrupted) {
      this.remark(flags.resume === undefined ? 'Interrupted.' : 'Interrupted; the same command goes on from here.')
      this.endWith(130)
    }
    return done
  }
}
