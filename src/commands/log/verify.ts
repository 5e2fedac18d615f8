import * as Flags from '@oclif/core/flags'
import { PaxosError } from '../../base/error.ts'
import { ClusterCommand } from '../../cli/cluster-command.ts'
import { firstAnswer } from '../../cli/first-answer.ts'
import { counter } from '../../cli/flags.ts'
import { readStoppedChain, type StoppedChain } from '../../cli/stopped-chain.ts'
import { type ContentFound, renderContent, verifyContent } from '../../cli/verify-content.ts'
import { renderStoppedChain, renderVerify } from '../../cli/verify-table.ts'
import type { VerifyJson } from '../../wire/api-types.ts'

const exitOf = { same: 0, unknown: 5, diverged: 10 } as const satisfies Record<VerifyJson['verdict'], number>

export default class LogVerify extends ClusterCommand {
  static override summary = 'Compare what the members have applied, and name the first difference.'
  static override description =
    `Every member keeps a hash chain over the entries that it applied and what came of them. The first endpoint that answers asks all members for theirs; no quorum is needed, and nothing is changed. Where chains differ, the first slot is looked for, and the member that a majority is against is named.
The exit status is 0 when a majority agrees and nobody differs, 10 when somebody differs, 5 when too few could be compared.
The chain does not see what becomes of data on a disk afterwards. --content does: it reads every key on every member, a page at a time, so that nobody stands still for it, and stops at the first key that differs.
With --data-dir, the chain of a stopped node, to be compared with another directory's.`

  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --to 120000 --json',
    '<%= config.bin %> <%= command.id %> --content',
    '<%= config.bin %> <%= command.id %> --endpoints unix:/var/lib/paxos/n1/paxos.sock',
    '<%= config.bin %> <%= command.id %> --data-dir /var/lib/paxos/n1',
  ]

  static override flags = {
    from: counter({ summary: 'Look for no difference below this slot.' }),
    to: counter({ summary: 'Compare at this slot, not at the newest.' }),
    content: Flags.boolean({
      summary: 'Compare the keys and values themselves, at one revision.',
      exclusive: ['from', 'to', 'data-dir'],
    }),
    'data-dir': Flags.string({ summary: 'Read this directory of a stopped node.', helpValue: '<dir>' }),
  }

  async run(): Promise<VerifyJson | StoppedChain | ContentFound> {
    const { flags } = await this.parse(LogVerify)
    const { from, to } = flags
    if (from !== undefined && to !== undefined && to < from) {
      throw new PaxosError('USAGE', `--to ${to} is below --from ${from}`)
    }
    const path = flags['data-dir']
    if (path !== undefined) {
      const stopped = await readStoppedChain(path, { from, to })
      this.log(renderStoppedChain(stopped))
      return stopped
    }
    const { admin, endpoints } = await this.admin(flags)
    if (flags.content) {
      const found = await verifyContent(admin, endpoints)
      this.log(renderContent(found))
      this.endWith(exitOf[found.verdict])
      return found
    }
    const { answer } = await firstAnswer(endpoints, (endpoint) => admin.verify(endpoint, { from, to }))
    this.log(renderVerify(answer))
    this.endWith(exitOf[answer.verdict])
    return answer
  }
}
