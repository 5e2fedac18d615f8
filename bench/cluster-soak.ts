/**
 * Constant load on a real three-node cluster with a bounded key space and automatic compaction, to see that log, memory
 * and files stay bounded. Values are of mixed sizes (one in a hundred up to 200 kB), which is what makes a file fragment.
 * Prints a line for each node every ten seconds, and at the end how much the highest value of each figure grew from the
 * second third of the run to the last. Ends with 1 when a file or the resident memory grew by more than a tenth.
 *
 *     node bench/cluster-soak.ts [--seconds 300] [--writers 64] [--rate WRITES-PER-SECOND]
 */
import { readFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Random } from '../src/base/random.ts'
import type { PaxosClient } from '../src/client/client.ts'
import { groupOf, withCluster } from '../test/cluster/cluster.ts'
import type { NodeProcess } from '../test/cluster/node-process.ts'

const { values: flags } = parseArgs({
  options: {
    seconds: { type: 'string', default: '300' },
    writers: { type: 'string', default: '64' },
    rate: { type: 'string', default: 'Infinity' },
  },
})
const seconds = Number(flags.seconds)
const writers = Number(flags.writers)
const rate = Number(flags.rate)
const keys = 10_000
const reportMs = 10_000
const settings = { historyRevisionsMax: 20_000, 'limits.logSlotsKeptMax': 2000, electionTimeoutMs: 1000 }

interface Figures {
  readonly logSlots: number
  readonly logMiB: number
  readonly rssMiB: number
  readonly heapMiB: number
  readonly acceptorMiB: number
  readonly stateMiB: number
}

const mib = 2 ** 20

async function figuresOf(node: NodeProcess): Promise<Figures & { readonly role: string; readonly revision: number }> {
  const group = await groupOf(node)
  const status = await readFile(`/proc/${await node.pid()}/status`, 'utf8')
  const rssKib = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0)
  return {
    role: group.role,
    revision: group.revision,
    logSlots: group.chosen - group.truncated,
    logMiB: group.logBytes / mib,
    rssMiB: rssKib / 1024,
    heapMiB: (await node.metric('nodejs_heap_size_used_bytes')) / mib,
    acceptorMiB: (await node.metric('paxos_store_size_bytes{store="acceptor"}')) / mib,
    stateMiB: (await node.metric('paxos_store_size_bytes{store="state"}')) / mib,
  }
}

async function write(client: PaxosClient, writer: number, isOver: () => boolean, count: () => void): Promise<void> {
  const random = new Random(writer)
  const everyMs = (writers / rate) * 1000
  let next = performance.now() + random.next() * everyMs
  for (let n = 0; !isOver(); n++) {
    const valueBytes = random.integer(20, random.chance(0.01) ? 200_000 : 2000)
    await client.put(`soak/${random.integer(0, keys)}`, `${writer} ${n} `.padEnd(valueBytes, 'x'))
    count()
    next += everyMs
    if (next > performance.now()) await pause(next - performance.now())
  }
}

await withCluster({ nodes: 3, settings }, async (cluster) => {
  await cluster.startAll()
  const client = cluster.client()
  const endAt = performance.now() + seconds * 1000
  let written = 0
  const load = Array.from({ length: writers }, (_, writer) =>
    write(
      client,
      writer,
      () => performance.now() >= endAt,
      () => {
        written++
      },
    ),
  )
  const seen = new Map<string, Figures[]>(cluster.nodes.map((node) => [node.name, []]))
  let before = 0
  for (let turn = 1; turn * reportMs <= seconds * 1000; turn++) {
    await pause(Math.max(0, endAt - seconds * 1000 + turn * reportMs - performance.now()))
    const perSecond = ((written - before) / reportMs) * 1000
    before = written
    console.log(`${turn * (reportMs / 1000)} s  ${written} writes, ${Math.round(perSecond)}/s`)
    for (const node of cluster.nodes) {
      const { role, revision, ...figures } = await figuresOf(node)
      seen.get(node.name)?.push(figures)
      const rounded = Object.entries(figures).map(([name, value]) => `${name} ${Math.round(value * 10) / 10}`)
      console.log(`  ${node.name} ${role.padEnd(8)} revision ${revision}  ${rounded.join('  ')}`)
    }
  }
  await Promise.all(load)
  console.log('highest in the last third against the second third:')
  for (const [name, list] of seen) {
    const third = Math.floor(list.length / 3)
    const growth = (['logSlots', 'logMiB', 'rssMiB', 'heapMiB', 'acceptorMiB', 'stateMiB'] as const).map((figure) => {
      const before = Math.max(...list.slice(third, 2 * third).map((figures) => figures[figure]))
      const after = Math.max(...list.slice(2 * third).map((figures) => figures[figure]))
      if (figure !== 'heapMiB' && !figure.startsWith('log') && after > before * 1.1) process.exitCode = 1
      return `${figure} ${percent(before, after)}`
    })
    console.log(`  ${name} ${growth.join('  ')}`)
  }
})

function percent(from: number, to: number): string {
  const grown = Math.round((to / from - 1) * 100)
  return `${grown >= 0 ? '+' : ''}${grown} %`
}
