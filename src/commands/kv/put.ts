import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import { PaxosError } from '../../base/error.ts'
import { ClusterCommand } from '../../cli/cluster-command.ts'
import { counter, key64Flag, keyArg, keyBytes } from '../../cli/flags.ts'
import { readInput } from '../../cli/stdin.ts'

export default class KvPut extends ClusterCommand {
  static override summary = 'Set the value of a key.'
  static override description =
    'The value is an argument, a file, or standard input. With --if-version the key is only set when it has that version; version 0 means that it must not exist.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> greeting hello',
    '<%= config.bin %> <%= command.id %> app/config --file config.json',
    'date | <%= config.bin %> <%= command.id %> now -',
    '<%= config.bin %> <%= command.id %> lock/owner me --if-version 0',
  ]

  static override args = {
    key: keyArg,
    value: Args.string({ description: 'Value, as text; - reads standard input.', ignoreStdin: true }),
  }

  static override flags = {
    file: Flags.string({ summary: 'Take the value from this file.', helpValue: '<file>' }),
    'if-version': counter({ summary: 'Only if the key has this version; 0: only if it does not exist.' }),
    key64: key64Flag,
  }

  async run(): Promise<{ key: string; revision: number; version: number; slot: number }> {
    const { args, flags } = await this.parse(KvPut)
    const key = keyBytes(args.key, flags.key64)
    const value = await readValue(args.value, flags.file)
    const client = await this.client(flags)
    const ifVersion = flags['if-version']
    const done = await client.put(key, value, ifVersion === undefined ? {} : { ifVersion })
    this.log(`revision ${done.revision}, version ${done.version}`)
    return { key: args.key, revision: done.revision, version: done.version, slot: done.slot }
  }
}

async function readValue(value: string | undefined, file: string | undefined): Promise<Uint8Array> {
  if ((value === undefined) === (file === undefined)) {
    throw new PaxosError('USAGE', 'Give the value either as an argument or with --file', {
      hint: 'For a value from standard input, write - in its place.',
    })
  }
  if (file !== undefined) return await readInput(file)
  return value === '-' ? await readInput('-') : Buffer.from(value ?? '', 'utf8')
}
