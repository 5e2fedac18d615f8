import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import { PaxosError } from '../../base/error.ts'
import { ClusterCommand } from '../../cli/cluster-command.ts'
import { type ByteRange, byteRange, counter, key64Flag, keyBytes, rangeFlags } from '../../cli/flags.ts'
import { count } from '../../cli/output.ts'
import { scan } from '../../cli/scan.ts'
import type { DeleteResult, PaxosClient } from '../../client/client.ts'

export default class KvDelete extends ClusterCommand {
  static override summary = 'Delete a key, or a range of keys.'
  static override description =
    'Deleting what is not there is no error. A range is only deleted when --prefix, --start or --end asks for it; every key only with --all --yes.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> greeting',
    '<%= config.bin %> <%= command.id %> --prefix app/old/ --dry-run',
    '<%= config.bin %> <%= command.id %> lock/owner --if-version 3',
  ]

  static override args = { key: Args.string({ description: 'Key, as text.', ignoreStdin: true }) }
  static override flags = {
    ...rangeFlags,
    all: Flags.boolean({ summary: 'Every key there is.', exclusive: ['prefix', 'start', 'end'] }),
    'if-version': counter({ summary: 'Only if the key has this version.' }),
    'dry-run': Flags.boolean({ summary: 'Say how many keys would be deleted, and delete none.' }),
    'in-steps': Flags.boolean({ summary: 'Delete a range too large for one step in several.' }),
    yes: Flags.boolean({ char: 'y', summary: 'Confirm --all.' }),
    key64: key64Flag,
  }

  async run(): Promise<Record<string, number | boolean>> {
    const { args, flags } = await this.parse(KvDelete)
    const range = byteRange(flags, flags.key64)
    const wantsRange = flags.all || Object.keys(range).length > 0
    if ((args.key === undefined) === !wantsRange) {
      throw new PaxosError('USAGE', 'Give either a key or a range', {
        hint: 'A range is --prefix P, --start A --end B, or --all --yes for every key.',
      })
    }
    if (wantsRange && flags['if-version'] !== undefined) {
      throw new PaxosError('USAGE', '--if-version goes with a single key, not with a range')
    }
    if (flags.all && !flags.yes && !flags['dry-run']) {
      throw new PaxosError('USAGE', 'This would delete every key', {
        hint: 'Add --yes if that is meant, or --dry-run to count them.',
      })
    }
    const client = await this.client(flags)
    if (flags['dry-run']) {
      const key = args.key === undefined ? undefined : keyBytes(args.key, flags.key64)
      const found = key === undefined ? await countKeys(client, range) : Number((await client.get(key)) !== undefined)
      this.log(`${count(found, 'key')} would be deleted`)
      return { wouldDelete: found, dryRun: true }
    }
    const ifVersion = flags['if-version']
    const done =
      args.key === undefined
        ? await deleteRange(client, flags.all ? { all: true } : range, flags['in-steps'])
        : await client.delete(keyBytes(args.key, flags.key64), ifVersion === undefined ? {} : { ifVersion })
    this.log(`${count(done.deleted, 'key')} deleted, revision ${done.revision}`)
    return { deleted: done.deleted, revision: done.revision, slot: done.slot }
  }
}

async function countKeys(client: PaxosClient, range: ByteRange): Promise<number> {
  let found = 0
  for await (const page of scan(client, { ...range, keysOnly: true })) found += page.items.length
  return found
}

async function deleteRange(
  client: PaxosClient,
  range: ByteRange | { readonly all: true },
  inSteps: boolean,
): Promise<DeleteResult> {
  try {
    return await client.deleteRange(range)
  } catch (error) {
    if (!(error instanceof PaxosError) || error.code !== 'TOO_LARGE') throw error
    if (!inSteps) {
      throw new PaxosError('TOO_LARGE', error.message, {
        cause: error,
        hint: 'Add --in-steps to delete it in several steps; others may see it half deleted.',
      })
    }
  }
  let done: DeleteResult = { deleted: 0, revision: 0, slot: 0 }
  for await (const { items } of scan(client, { ...('all' in range ? {} : range), keysOnly: true })) {
    const [first, last] = [items[0], items.at(-1)]
    if (first === undefined || last === undefined) break
    const step = await client.deleteRange({ start: first.key, end: Buffer.concat([last.key, new Uint8Array(1)]) })
    done = { ...step, deleted: done.deleted + step.deleted }
  }
  return done
}
