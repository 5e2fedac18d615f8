import type { Figure, Target } from '../figure.ts'
import type { Section } from '../section.ts'
import { createOurCluster } from '../side-by-side/our-cluster.ts'
import { timeOf } from '../side-by-side/program.ts'
import { median } from '../statistics.ts'

const repeats = 15

export const startUpSection: Section = {
  name: 'start-up',
  summary: 'how long the command line and a node take to start',
  async run(bench) {
    const cluster = await createOurCluster(bench.directory)
    try {
      const began = performance.now()
      await cluster.startAll()
      const whole = performance.now() - began
      const figures = commands(cluster.endpoints)
      const restarts: number[] = []
      for (let round = 0; round < bench.rounds; round++) {
        const leader = await cluster.leader()
        const follower = cluster.nodes.find((node) => node !== leader)
        if (follower === undefined) break
        await follower.stop()
        const restartAt = performance.now()
        await cluster.startAll([follower])
        restarts.push(performance.now() - restartAt)
      }
      return [
        ...figures,
        {
          id: 'node-start',
          name: 'a node restarts in a running cluster, until ready',
          unit: 'ms',
          ours: median(restarts),
        },
        { id: 'cluster-start', name: 'three nodes start from nothing at once, until ready', unit: 'ms', ours: whole },
      ]
    } finally {
      await cluster.destroy()
    }
  },
}

function commands(endpoints: readonly string[]): Figure[] {
  timeOf(['kv', 'put', 'start', 'x'], endpoints)
  const measure = (id: string, args: readonly string[], target: Target): Figure => {
    const times = Array.from({ length: repeats }, () => timeOf(args, endpoints))
    const detail = { fastest: Math.min(...times), slowest: Math.max(...times) }
    return { id, name: `\`paxos ${args.slice(0, 2).join(' ')}\``, unit: 'ms', ours: median(times), target, detail }
  }
  return [
    measure('cli-version', ['--version'], { text: '≤ 150 ms', of: 'value', atMost: 150 }),
    measure('cli-get', ['kv', 'get', 'start'], { text: '≤ 250 ms', of: 'value', atMost: 250 }),
  ]
}
