import * as Args from '@oclif/core/args'
import { ClusterCommand } from '../../cli/cluster-command.ts'
import { preview, textOrBase64 } from '../../cli/output.ts'
import { readInput } from '../../cli/stdin.ts'
import { parseTxn } from '../../cli/txn-json.ts'
import type { TxnOperationResult } from '../../client/txn.ts'

export default class KvTxn extends ClusterCommand {
  static override summary = 'Compare keys, then change others, in one step.'
  static override description =
    'Reads a transaction as JSON: {"compare":[…],"then":[…],"else":[…]}, as POST /v1/txn takes it. When the compares do not hold and there is no "else", the exit status is 6.'
  static override examples = [
    `echo '{"compare":[{"key":"a","target":"version","op":"=","operand":0}],"then":[{"put":{"key":"a","value":"1"}}]}' | <%= config.bin %> <%= command.id %> -`,
    '<%= config.bin %> <%= command.id %> move.json --json',
  ]

  static override args = {
    file: Args.string({
      required: true,
      description: 'File with the transaction; - reads standard input.',
      ignoreStdin: true,
    }),
  }

  async run(): Promise<{ succeeded: boolean; results: object[]; revision: number; slot: number }> {
    const { args, flags } = await this.parse(KvTxn)
    const txn = parseTxn(Buffer.from(await readInput(args.file)).toString('utf8'))
    const client = await this.client(flags)
    const { succeeded, results, revision, slot } = await client.txn(txn)
    this.log(`${succeeded ? 'compares held' : 'compares did not hold'}, revision ${revision}`)
    for (const result of results) this.log(`  ${inWords(result)}`)
    if (!succeeded && (txn.else ?? []).length === 0) this.endWith(6)
    return { succeeded, results: results.map(asJson), revision, slot }
  }
}

function inWords(result: TxnOperationResult): string {
  if ('put' in result) return `put: version ${result.put.version}`
  if ('delete' in result) return `delete: ${result.delete.deleted} deleted`
  const items = result.get.items.map((item) => `${preview(item.key)}=${preview(item.value, 60)}`)
  return `get: ${items.join(', ') || 'nothing'}${result.get.more ? ', …' : ''}`
}

function asJson(result: TxnOperationResult): object {
  if (!('get' in result)) return result
  const items = result.get.items.map(({ key, value, createRevision, modRevision, version }) => ({
    ...textOrBase64('key', key),
    ...textOrBase64('value', value),
    createRevision,
    modRevision,
    version,
  }))
  return { get: { items, more: result.get.more } }
}
