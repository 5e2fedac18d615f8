import * as Flags from '@oclif/core/flags'
import { exportRecords } from '../../cli/export.ts'
import { byteRange, key64Flag, rangeFlags, readFlags } from '../../cli/flags.ts'
import { count } from '../../cli/output.ts'
import { ReadCommand, stoppedFlags } from '../../cli/read-command.ts'

export default class KvExport extends ReadCommand {
  static override summary = 'Write keys and values to a file or standard output.'
  static override description =
    'In key order and at one revision throughout, however long it takes; with --data-dir, what a stopped node has. NDJSON keeps any bytes; TSV keeps all but tabs and newlines in keys and newlines in values; "values" writes one value a line, without keys.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> > all.ndjson',
    '<%= config.bin %> <%= command.id %> --prefix pkg/ --format tsv --output packages.tsv',
    '<%= config.bin %> <%= command.id %> --revision 1000 | <%= config.bin %> kv import - --endpoints http://other:7601',
  ]

  static override flags = {
    ...rangeFlags,
    ...readFlags,
    ...stoppedFlags,
    format: Flags.option({
      options: ['ndjson', 'tsv', 'values'] as const,
      default: 'ndjson' as const,
      summary: 'What a line looks like.',
    })(),
    output: Flags.string({ char: 'o', summary: 'File to write; without it, standard output.', helpValue: '<file>' }),
    key64: key64Flag,
  }

  async run(): Promise<{ records: number; bytes: number; revision: number } | undefined> {
    const { flags } = await this.parse(KvExport)
    const client = await this.reader(flags)
    const done = await exportRecords(
      client,
      {
        ...byteRange(flags, flags.key64),
        consistency: flags.stale ? 'stale' : 'linearizable',
        ...(flags.revision !== undefined && { revision: flags.revision }),
      },
      { format: flags.format, path: flags.output },
    )
    this.remark(`${count(done.records, 'record')} at revision ${done.revision}`)
    // Without --output the records are what stdout is for; a summary in between would spoil them.
    return flags.output === undefined ? undefined : done
  }
}
