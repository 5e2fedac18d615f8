import type { Figure } from '../figure.ts'
import type { Section } from '../section.ts'
import { type Contender, type ContenderNode, withContenders } from '../side-by-side/contenders.ts'
import { h2load } from '../side-by-side/h2load.ts'
import { bytesOnWire, flushesDuring, type ProcessFigures, processFigures } from '../side-by-side/process-figures.ts'
import { isInstalled } from '../side-by-side/program.ts'

const commands = 100_000
/** Fewer under strace, which makes each call cost several times as much. */
const tracedCommands = 20_000
const inFlight = 1000
/** What the nodes do with the disk on their own account goes on a little after the last answer. */
const settleMs = 1000

interface Cost {
  readonly leaderCpu: number
  readonly followerCpu: number
  readonly diskBytes: number
  readonly wireBytes: number | undefined
  readonly leaderMiB: number
  readonly followerMiB: number
  readonly leaderFlushes: number | undefined
}

export const costSection: Section = {
  name: 'cost',
  summary: 'processor time, flushes, bytes on the wire and on disk for 100,000 puts, and memory',
  async run(bench) {
    if (!bench.hasH2load) {
      bench.say('h2load is not installed: no costs')
      return []
    }
    return await withContenders(bench, async (contenders) => {
      const costs: Cost[] = []
      for (const contender of contenders) {
        await put(contender, commands)
        costs.push(await costOf(contender))
        bench.say(`cost, ${contender.name}: ${JSON.stringify(costs.at(-1))}`)
      }
      return figures(costs)
    })
  },
}

async function put(contender: Contender, requests: number): Promise<void> {
  const streams = contender.name === 'etcd' ? 10 : 1
  await h2load(await contender.request('put'), { connections: inFlight / streams, streams, requests })
}

async function costOf(contender: Contender): Promise<Cost> {
  const nodes = await contender.nodes()
  const ports = nodes.map(({ peerPort }) => peerPort)
  const hasSs = isInstalled('ss')
  const wireBefore = hasSs ? bytesOnWire(ports) : 0
  const before = await figuresOf(nodes)
  await put(contender, commands)
  await new Promise((resolve) => setTimeout(resolve, settleMs))
  const after = await figuresOf(nodes)
  const wireBytes = hasSs ? (bytesOnWire(ports) - wireBefore) / commands : undefined
  const used = nodes.map((node, at) => ({ ...node, ...difference(before[at], after[at]) }))
  const leader = used.find(({ isLeader }) => isLeader)
  const followers = used.filter(({ isLeader }) => !isLeader)
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
  const leaderFlushes =
    leader !== undefined && isInstalled('strace')
      ? (await flushesDuring(leader.pid, () => put(contender, tracedCommands))) * (commands / tracedCommands)
      : undefined
  return {
    leaderCpu: leader?.cpuSeconds ?? 0,
    followerCpu: mean(followers.map(({ cpuSeconds }) => cpuSeconds)),
    diskBytes: mean(used.map(({ writtenBytes }) => writtenBytes)) / commands,
    wireBytes,
    leaderMiB: (leader?.residentBytes ?? 0) / 2 ** 20,
    followerMiB: mean(followers.map(({ residentBytes }) => residentBytes)) / 2 ** 20,
    leaderFlushes,
  }
}

function figuresOf(nodes: readonly ContenderNode[]): Promise<ProcessFigures[]> {
  return Promise.all(nodes.map(({ pid }) => processFigures(pid)))
}

/** Memory is what it is at the end. */
function difference(before: ProcessFigures | undefined, after: ProcessFigures | undefined): ProcessFigures {
  return {
    cpuSeconds: (after?.cpuSeconds ?? 0) - (before?.cpuSeconds ?? 0),
    writtenBytes: (after?.writtenBytes ?? 0) - (before?.writtenBytes ?? 0),
    residentBytes: after?.residentBytes ?? 0,
  }
}

const rows: readonly (readonly [id: keyof Cost, name: string, unit: string])[] = [
  ['leaderCpu', 'processor time of the leader for 100,000 puts over HTTP, 1000 in flight', 's'],
  ['followerCpu', 'processor time of a follower for them', 's'],
  ['leaderFlushes', 'flushes of the leader for them (fewer are traced, and more slowly)', ''],
  ['diskBytes', 'written to disk by a node, for each put', 'bytes'],
  ['wireBytes', 'between the members, for each put', 'bytes'],
  ['leaderMiB', 'memory of the leader after 200,000 puts', 'MiB'],
  ['followerMiB', 'memory of a follower', 'MiB'],
]

function figures([ours, etcd]: readonly Cost[]): Figure[] {
  return rows.flatMap(([id, name, unit]) => {
    const value = ours?.[id]
    if (value === undefined) return []
    return [{ id: `cost-${id}`, name, unit, ours: value, other: etcd?.[id], otherName: etcd && 'etcd' }]
  })
}
