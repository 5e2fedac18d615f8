import * as Flags from '@oclif/core/flags'
import { ClusterCommand, type ConnectionFlags } from '../../cli/cluster-command.ts'
import { firstAnswer } from '../../cli/first-answer.ts'
import { table } from '../../cli/output.ts'
import { type StoppedFlags, stoppedFlags } from '../../cli/read-command.ts'
import type { EpochJson, EpochsJson } from '../../wire/api-types.ts'

export default class EpochShow extends ClusterCommand {
  static override summary = 'Show the members and quorum sizes of the newest epoch.'
  static override description =
    'Asks the first endpoint that answers, and works without a quorum: it is what that node knows. With --data-dir, what a stopped node knows. With --history all epochs that the node knows of.'
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --history --json',
    '<%= config.bin %> <%= command.id %> --endpoints unix:/var/lib/paxos/n1/paxos.sock',
  ]

  static override flags = {
    ...stoppedFlags,
    history: Flags.boolean({ summary: 'All epochs, the oldest first.' }),
  }

  async run(): Promise<EpochsJson> {
    const { flags } = await this.parse(EpochShow)
    const found = await this.#find(flags)
    if (!this.jsonEnabled()) process.stdout.write(`${render(found.epochs)}\n`)
    return found
  }

  async #find(flags: ConnectionFlags & StoppedFlags & { readonly history: boolean }): Promise<EpochsJson> {
    const path = flags['data-dir']
    if (path === undefined) {
      const { admin, endpoints } = await this.admin(flags)
      return (await firstAnswer(endpoints, (endpoint) => admin.epochs(endpoint, flags.history))).answer
    }
    const { readStoppedNode } = await import('../../cli/stopped-node.ts')
    const { epochs: known } = await readStoppedNode(path)
    return flags.history ? known : { ...known, epochs: known.epochs.slice(-1) }
  }
}

function render(epochs: readonly EpochJson[]): string {
  return table(epochs, [
    { title: 'EPOCH', align: 'right', value: ({ epoch }) => String(epoch) },
    { title: 'FROM SLOT', align: 'right', value: ({ startSlot }) => String(startSlot) },
    { title: 'PROTOCOL', value: ({ protocol }) => protocol },
    { title: 'Q1', align: 'right', value: ({ q1 }) => String(q1) },
    { title: 'Q2', align: 'right', value: ({ q2 }) => String(q2) },
    { title: 'LEASE', align: 'right', value: ({ leaseMs }) => (leaseMs === 0 ? 'off' : `${leaseMs} ms`) },
    { title: 'LEVEL', align: 'right', value: ({ featureLevel }) => String(featureLevel) },
    {
      title: 'MEMBERS',
      value: ({ members }) =>
        members.map(({ name, kind }) => (kind === 'learner' ? `${name} (learner)` : name)).join(', '),
    },
  ])
}
