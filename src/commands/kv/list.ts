import * as Flags from '@oclif/core/flags'
import { assert } from '../../base/assert.ts'
import { byteRange, counter, key64Flag, rangeFlags, readFlags } from '../../cli/flags.ts'
import { count, preview, table, textOrBase64 } from '../../cli/output.ts'
import { ReadCommand, stoppedFlags } from '../../cli/read-command.ts'
import { scan } from '../../cli/scan.ts'
import type { KeyValue } from '../../client/key-value.ts'

export default class KvList extends ReadCommand {
  static override summary = 'List keys with their values.'
  static override description =
    'In key order. On a terminal, long values are cut; --json has them whole. For everything, use `kv export`. With --data-dir, what a stopped node has.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> --prefix app/',
    '<%= config.bin %> <%= command.id %> --start a --end n --keys-only',
    '<%= config.bin %> <%= command.id %> --limit 5 --json',
  ]

  static override flags = {
    ...rangeFlags,
    ...readFlags,
    ...stoppedFlags,
    limit: counter({ summary: 'At most so many keys.', min: 1, default: 100 }),
    'keys-only': Flags.boolean({ summary: 'Leave the values out.' }),
    key64: key64Flag,
  }

  async run(): Promise<{ items: Record<string, string | number>[]; more: boolean; revision: number }> {
    const { flags } = await this.parse(KvList)
    const keysOnly = flags['keys-only']
    const client = await this.reader(flags)
    const wanted = {
      ...byteRange(flags, flags.key64),
      keysOnly,
      consistency: flags.stale ? ('stale' as const) : ('linearizable' as const),
      ...(flags.revision !== undefined && { revision: flags.revision }),
    }
    const found: KeyValue[] = []
    let more = false
    let revision: number | undefined
    // One answer may hold fewer than were asked for. All of them are as of the first one.
    for await (const page of scan<KeyValue>(client, wanted, flags.limit)) {
      found.push(...page.items)
      more = page.more || found.length > flags.limit
      revision ??= page.revision
      if (found.length >= flags.limit) break
    }
    assert(revision !== undefined, 'a list without an answer')
    const items = found.slice(0, flags.limit)
    const valueWidth = process.stdout.isTTY === true ? 60 : Number.POSITIVE_INFINITY
    this.log(
      table(items, [
        { title: 'KEY', value: (item) => preview(item.key) },
        { title: 'VERSION', align: 'right', value: (item) => String(item.version) },
        { title: 'CREATED', align: 'right', value: (item) => String(item.createRevision) },
        { title: 'CHANGED', align: 'right', value: (item) => String(item.modRevision) },
        ...(keysOnly
          ? []
          : [{ title: 'VALUE', value: (item: (typeof items)[number]) => preview(item.value, valueWidth) }]),
      ]),
    )
    this.remark(
      `${count(items.length, 'key')}${more ? ', more follow (--limit)' : ''} at revision ${flags.revision ?? revision}`,
    )
    return {
      items: items.map(({ key, value, createRevision, modRevision, version }) => ({
        ...textOrBase64('key', key),
        ...(keysOnly ? {} : textOrBase64('value', value)),
        createRevision,
        modRevision,
        version,
      })),
      more,
      revision,
    }
  }
}
