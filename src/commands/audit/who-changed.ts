import { PaxosError } from '../../base/error.ts'
import { AuditCommand, auditFlags } from '../../cli/audit/audit-command.ts'
import { renderChanges } from '../../cli/audit/audit-table.ts'
import { collectChanges } from '../../cli/audit/collect-changes.ts'
import { counter, key64Flag, keyArg, keyBytes } from '../../cli/flags.ts'
import { count, textOrBase64 } from '../../cli/output.ts'
import type { AuditChangeJson } from '../../wire/audit-types.ts'

interface Changed {
  readonly key?: string
  readonly key64?: string
  /** Newest first. */
  readonly changes: readonly AuditChangeJson[]
  readonly more: boolean
  /** Of what was changed up to here, only audited writes are known. */
  readonly compactedRevision: number
}

export default class AuditWhoChanged extends AuditCommand {
  static override summary = 'Show who wrote or deleted a key, the newest change first.'
  static override description =
    `Every change that is not compacted is shown, whether it was audited or not, deletions of ranges too; who made it is known where the node that took the write had auditWrites set, for as many audited writes as are kept: 32 MiB of them. What is compacted is found by the audited writes that name the key.
WHO is what the client claimed to be (--actor): this version authenticates nobody.
Without a quorum, --stale takes what one node has, and --data-dir reads a stopped one. The exit status is 7 when nothing is known of the key.`
  static override examples = [
    '<%= config.bin %> <%= command.id %> orders/1',
    '<%= config.bin %> <%= command.id %> orders/1 --limit 100 --json',
    '<%= config.bin %> <%= command.id %> orders/1 --data-dir /var/lib/paxos/n1',
  ]

  static override args = { key: keyArg }
  static override flags = {
    key64: key64Flag,
    limit: counter({ summary: 'How many changes to show.', default: 10, min: 1 }),
    ...auditFlags,
  }

  async run(): Promise<Changed> {
    const { args, flags } = await this.parse(AuditWhoChanged)
    const key = keyBytes(args.key, flags.key64)
    const { changes, more, compactedRevision } = await collectChanges(await this.source(flags), key, flags.limit)
    if (changes.length === 0) {
      throw new PaxosError('KEY_NOT_FOUND', `Nothing is known of a change of "${args.key}"`, {
        hint: 'It never was, or what it was is compacted and no audited write names it.',
      })
    }
    this.log(renderChanges(changes))
    const silent = changes.filter(({ record }) => record === null).length
    if (silent > 0) {
      this.remark(`${count(silent, 'change')} not audited: set auditWrites on every node, and later ones will be`)
    }
    if (more) this.remark(`older ones were left out; --limit shows more than ${flags.limit}`)
    else if (compactedRevision > 0) this.remark(`up to revision ${compactedRevision} only audited changes are known`)
    return { ...textOrBase64('key', key), changes, more, compactedRevision }
  }
}
