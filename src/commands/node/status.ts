import { count, fields, paint, table, unknown } from '../../cli/output.ts'
import { ReadCommand, stoppedFlags } from '../../cli/read-command.ts'
import type { StatusJson } from '../../wire/api-types.ts'

export default class NodeStatus extends ReadCommand {
  static override summary = 'Show what one node knows of itself and of the others.'
  static override description =
    'Asks the first endpoint only, and works without a quorum; the unix socket in the data directory works without a network, and --data-dir for a stopped node. The exit status is 10 when the node is not ready.'
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --endpoints unix:/var/lib/paxos/n1/paxos.sock --json',
  ]

  static override flags = { ...stoppedFlags }

  async run(): Promise<StatusJson> {
    const { flags } = await this.parse(NodeStatus)
    const status = await this.status(flags, 1)
    const notReady = status.groups.find((group) => group.notReady !== null)
    if (!this.jsonEnabled()) process.stdout.write(`${render(status)}\n`)
    if (notReady !== undefined) this.endWith(10)
    return status
  }
}

function render({ clusterId, node, groups, members }: StatusJson): string {
  const blocks = [
    fields([
      [
        'node',
        `${node.name} (id ${node.id}, ${node.pid === 0 ? 'stopped' : `process ${node.pid}, version ${node.version}`})`,
      ],
      ['cluster', clusterId],
      ['client', node.clientAddress || '-'],
      ['peer', node.peerAddress],
    ]),
  ]
  for (const group of groups) {
    blocks.push(
      fields([
        [
          'group',
          `${group.group}, epoch ${group.epoch}, ${group.protocol}, q1 ${group.q1}, q2 ${group.q2}, lease ${group.leaseMs} ms`,
        ],
        ['state', group.notReady === null ? 'ready' : `not ready: ${group.notReady}`],
        [
          'role',
          `${group.role}, leader ${group.leader ?? 'unknown'}, ballot ${group.ballot}, promised ${group.promised}`,
        ],
        [
          'slots',
          `truncated ${group.truncated}, durable ${group.durable}, applied ${group.applied}, chosen ${group.chosen}`,
        ],
        [
          'log',
          `${count(group.logBytes, 'byte')} in memory, ${count(group.openSlots, 'slot')} open, ${count(group.elections, 'election')}`,
        ],
        [
          'store',
          `revision ${group.revision}, compacted ${group.compactedRevision}, ${count(group.sessions, 'session')}`,
        ],
        ['queues', `${count(group.queuedRequests, 'request')}, ${count(group.queuedReads, 'read')}`],
      ]),
    )
  }
  const rows = table(members, [
    { title: 'MEMBER', value: (member) => member.name },
    { title: 'ID', align: 'right', value: (member) => member.id },
    { title: 'KIND', value: (member) => member.kind },
    {
      title: 'REACHABLE',
      value: (member) => (member.reachable ? 'yes' : 'no'),
      style: (member) => (member.reachable ? 'green' : 'red'),
    },
    { title: 'LAG', align: 'right', value: (member) => member.lagSlots?.toString() ?? unknown },
    { title: 'PEER', value: (member) => member.peerAddress },
    { title: 'CLIENT', value: (member) => member.clientAddress ?? unknown },
  ])
  return [...blocks, rows].join(`\n${paint('dim', '')}\n`)
}
