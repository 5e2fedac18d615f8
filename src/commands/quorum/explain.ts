import * as Flags from '@oclif/core/flags'
import { PaxosError } from '../../base/error.ts'
import { membersMax } from '../../base/member-bounds.ts'
import { BaseCommand } from '../../cli/base-command.ts'
import { counter } from '../../cli/flags.ts'
import { type QuorumChoice, quorumChoices, renderChoices } from '../../cli/quorum/choices.ts'
import {
  completeSizes,
  explainQuorums,
  type QuorumExplanation,
  renderExplanation,
} from '../../cli/quorum/explanation.ts'

export default class QuorumExplain extends BaseCommand {
  static override summary = 'Explain and check quorum sizes; needs no cluster.'
  static override description =
    `Shows each rule with its arithmetic: what is safe, and how many members may be down. Without --q1 and --q2, all choices of which no size can be made smaller. One of the two alone is taken with a majority for the other, as a node does. Sizes that are not safe end with status 2, the arithmetic, and the nearest sizes that are.

Fast quorums (--fast, --q2f) are for planning: the protocol of a cluster is in \`cluster status\`.`

  static override examples = [
    '<%= config.bin %> <%= command.id %> --nodes 5',
    '<%= config.bin %> <%= command.id %> --nodes 5 --q1 4 --q2 2',
    '<%= config.bin %> <%= command.id %> --nodes 7 --q1 5 --q2 3 --fast --json',
  ]

  static override flags = {
    nodes: counter({ char: 'n', summary: 'Members that vote.', required: true, min: 1 }),
    q1: counter({ summary: 'Promises needed to lead.', min: 1 }),
    q2: counter({ summary: 'Votes needed to choose.', min: 1 }),
    fast: Flags.boolean({ summary: 'Show the fast path as well, with the least fast quorum.' }),
    q2f: counter({ summary: 'Votes needed to choose at a fast ballot; says --fast too.', min: 1 }),
  }

  async run(): Promise<QuorumExplanation | { readonly nodes: number; readonly choices: readonly QuorumChoice[] }> {
    const { flags } = await this.parse(QuorumExplain)
    const { nodes: n, q1, q2, q2f } = flags
    if (n > membersMax) throw new PaxosError('USAGE', `--nodes ${n} is more than a cluster may have, ${membersMax}`)
    if (q1 === undefined && q2 === undefined && q2f === undefined) {
      const choices = quorumChoices(n)
      this.log(renderChoices(choices, flags.fast))
      this.remark(`Without q1 and q2 in the configuration both are a majority, ${choices[0]?.q1}.`)
      return { nodes: n, choices }
    }
    const explanation = explainQuorums(completeSizes(n, { q1, q2, q2f, isFast: flags.fast }))
    this.log(renderExplanation(explanation))
    for (const warning of explanation.warnings) this.remark(warning)
    return explanation
  }
}
