import { ClusterCommand } from '../../cli/cluster-command.ts'
import { count, fields, paint, table } from '../../cli/output.ts'
import type { StatusJson } from '../../wire/api-types.ts'

export default class NodeStatus extends ClusterCommand {
  static override summary = 'Show what one node knows of itself and of the others.'
  static override description =
    'Asks the first endpoint only, and works without a quorum; the unix socket in the data directory works without a network. The exit status is 10 when the node is not ready.'
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --endpoints unix:/var/lib/paxos/n1/paxos.sock --json',
  ]

  async run(): Promise<StatusJson> {
    const { flags } = await this.parse(NodeStatus)
    const { admin, endpoints } = await this.admin(flags)
    const status = await admin.status(endpoints[0] ?? '')
    const notReady = status.groups.find((group) => group.notReady !== null)
    if (!this.jsonEnabled()) process.stdout.write(`${render(status)}\n`)
    if (notReady !== undefined) this.endWith(10)
    return status
  }
}

function render({ clusterId, node, groups, members }: StatusJson): string {
  const blocks = [
    fields([
      ['node', `${node.name} (id ${node.id}, process ${node.pid}, version ${node.version})`],
      ['cluster', clusterId],
      ['client', node.clientAddress],
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
    { title: 'LAG', align: 'right', value: (member) => member.lagSlots?.toString() ?? '-' },
    { title: 'PEER', value: (member) => member.peerAddress },
    { title: 'CLIENT', value: (member) => member.clientAddress ?? '-' },
  ])
  return [...blocks, rows].join(`\n${paint('dim', '')}\n`)
}
