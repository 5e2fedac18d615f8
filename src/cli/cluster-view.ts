import type { GroupStatusJson, StatusJson } from '../wire/api-types.ts'
import { askMembers, type MemberAnswer, type StatusSource } from './member-answers.ts'
import { type Column, paint, table, unknown } from './output.ts'

export interface NodeRow {
  readonly name: string
  readonly endpoint: string | null
  readonly role: string | null
  readonly leader: string | null
  readonly ballot: string | null
  readonly chosen: number | null
  readonly applied: number | null
  /** Slots that are chosen somewhere and not applied here. */
  readonly lag: number | null
  readonly revision: number | null
  /** `ok`, or what is wrong in words. */
  readonly health: string
}

export interface ClusterView {
  readonly clusterId: string
  readonly group: string
  readonly epoch: number
  readonly protocol: string
  readonly q1: number
  readonly q2: number
  readonly leader: string | null
  readonly healthy: boolean
  /** What is wrong, one sentence each. */
  readonly problems: readonly string[]
  readonly nodes: readonly NodeRow[]
}

/** Asks every member. Throws CANNOT_CONNECT when nobody answers. */
export async function viewCluster(admin: StatusSource, endpoints: readonly string[]): Promise<ClusterView> {
  const { first, answers } = await askMembers(admin, endpoints)
  const groups = answers.map((answer) => answer.status?.groups[0])
  const highest = Math.max(...groups.map((group) => group?.chosen ?? 0))
  const nodes = answers.map((answer, at) => nodeRow(answer, groups[at], highest, first.clusterId))
  const leader = leaderOf(groups)
  const { q1 = 0, q2 = 0 } = first.groups[0] ?? {}
  return assemble(first, nodes, leader, problemsOf(nodes, leader, { q1, q2 }))
}

/** What a stopped node's own status says of the cluster: itself, who else there was, and nothing of how they are now. */
export function viewStopped(status: StatusJson): ClusterView {
  const { node, groups, members, clusterId } = status
  const nodes = members.map(({ name }): NodeRow => {
    if (name !== node.name) return { ...silentRow(name, undefined), health: 'not asked' }
    return nodeRow({ name, endpoint: undefined, status }, groups[0], groups[0]?.chosen ?? 0, clusterId)
  })
  return assemble(status, nodes, null, [`${node.name} is stopped, and does not know how the others are`])
}

function assemble(
  { clusterId, groups }: StatusJson,
  nodes: readonly NodeRow[],
  leader: string | null,
  problems: readonly string[],
): ClusterView {
  const [group] = groups
  const { q1 = 0, q2 = 0 } = group ?? {}
  return {
    clusterId,
    group: group?.group ?? '0',
    epoch: group?.epoch ?? 0,
    protocol: group?.protocol ?? '',
    q1,
    q2,
    leader,
    healthy: problems.length === 0,
    problems,
    nodes,
  }
}

function nodeRow(
  { name, endpoint: asked, status }: MemberAnswer,
  group: GroupStatusJson | undefined,
  highest: number,
  clusterId: string,
): NodeRow {
  if (status === undefined || group === undefined) return silentRow(name, asked)
  const { role, leader, ballot, chosen, applied, revision } = group
  const health = status.clusterId === clusterId ? (group.notReady ?? 'ok') : 'another cluster'
  return {
    name,
    endpoint: asked ?? null,
    role,
    leader,
    ballot,
    chosen,
    applied,
    lag: Math.max(0, highest - applied),
    revision,
    health,
  }
}

export function silentRow(name: string, endpoint: string | null | undefined): NodeRow {
  const nothing = { role: null, leader: null, ballot: null, chosen: null, applied: null, lag: null, revision: null }
  return { name, endpoint: endpoint ?? null, ...nothing, health: 'no answer' }
}

/** Who says of itself that it leads, at the highest ballot. A cut-off leader may still believe it does. */
function leaderOf(groups: readonly (GroupStatusJson | undefined)[]): string | null {
  const leading = groups.filter((group) => group?.role === 'leader' && group.steady)
  const roundOf = (group: GroupStatusJson | undefined): number => Number(group?.ballot.split('.')[0] ?? 0)
  return leading.sort((a, b) => roundOf(b) - roundOf(a))[0]?.leader ?? null
}

function problemsOf(
  nodes: readonly NodeRow[],
  leader: string | null,
  { q1, q2 }: { readonly q1: number; readonly q2: number },
): string[] {
  const problems = nodes.filter((node) => node.health !== 'ok').map((node) => `${node.name}: ${node.health}`)
  if (leader === null) problems.push('no node leads')
  const answering = nodes.filter((node) => node.role !== null).length
  if (answering < q2) problems.push(`${answering} of ${nodes.length} members answer; ${q2} are needed to write`)
  else if (answering < q1)
    problems.push(`${answering} of ${nodes.length} members answer; ${q1} are needed for a new leader`)
  return problems
}

/** The table of `cluster status`. */
export function renderCluster(view: ClusterView): string {
  const number = (value: number | null): string => value?.toString() ?? unknown
  const columns: Column<NodeRow>[] = [
    { title: 'NODE', value: (node) => node.name },
    {
      title: 'ROLE',
      value: (node) => node.role ?? unknown,
      style: (node) => (node.role === 'leader' ? 'cyan' : undefined),
    },
    { title: 'LEADER', value: (node) => node.leader ?? (node.role === null ? unknown : '-') },
    { title: 'BALLOT', align: 'right', value: (node) => node.ballot ?? unknown },
    { title: 'CHOSEN', align: 'right', value: (node) => number(node.chosen) },
    { title: 'APPLIED', align: 'right', value: (node) => number(node.applied) },
    { title: 'LAG', align: 'right', value: (node) => number(node.lag) },
    { title: 'REVISION', align: 'right', value: (node) => number(node.revision) },
    { title: 'HEALTH', value: (node) => node.health, style: (node) => (node.health === 'ok' ? 'green' : 'red') },
    { title: 'ENDPOINT', value: (node) => node.endpoint ?? unknown },
  ]
  const verdict = view.healthy ? paint('green', 'healthy') : paint('red', `unhealthy: ${view.problems.join('; ')}`)
  const { clusterId, epoch, protocol, nodes, q1, q2 } = view
  return [
    `cluster ${clusterId}, epoch ${epoch}, ${protocol}, ${nodes.length} members, q1 ${q1}, q2 ${q2}`,
    table(nodes, columns),
    verdict,
  ].join('\n')
}
