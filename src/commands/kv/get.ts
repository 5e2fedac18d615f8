import * as Flags from '@oclif/core/flags'
import { PaxosError } from '../../base/error.ts'
import { key64Flag, keyArg, keyBytes, readFlags } from '../../cli/flags.ts'
import { textOrBase64 } from '../../cli/output.ts'
import { ReadCommand, stoppedFlags } from '../../cli/read-command.ts'

export default class KvGet extends ReadCommand {
  static override summary = 'Print the value of a key.'
  static override description =
    'The read is linearizable: it sees every write that was acknowledged before. With --stale it is answered by one node from what it has, and with --data-dir from the directory of a stopped one. A newline follows the value unless --raw is given.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> greeting',
    '<%= config.bin %> <%= command.id %> greeting --revision 7',
    '<%= config.bin %> <%= command.id %> app/logo --raw > logo.png',
    '<%= config.bin %> <%= command.id %> greeting --data-dir /var/lib/paxos/n1',
  ]

  static override args = { key: keyArg }
  static override flags = {
    ...readFlags,
    ...stoppedFlags,
    key64: key64Flag,
    raw: Flags.boolean({ summary: 'Print exactly the bytes of the value.' }),
  }

  async run(): Promise<Record<string, string | number>> {
    const { args, flags } = await this.parse(KvGet)
    const key = keyBytes(args.key, flags.key64)
    const client = await this.reader(flags)
    const item = await client.get(key, {
      consistency: flags.stale ? 'stale' : 'linearizable',
      ...(flags.revision !== undefined && { revision: flags.revision }),
    })
    if (item === undefined) {
      throw new PaxosError('KEY_NOT_FOUND', `There is no key "${args.key}"`, {
        hint: `Run \`paxos kv list --prefix ${JSON.stringify(args.key.slice(0, 1))}\` to see what is there.`,
      })
    }
    if (!this.jsonEnabled()) {
      process.stdout.write(item.value)
      if (!flags.raw) process.stdout.write('\n')
    }
    const { createRevision, modRevision, version } = item
    return {
      ...textOrBase64('key', item.key),
      ...textOrBase64('value', item.value),
      createRevision,
      modRevision,
      version,
    }
  }
}
