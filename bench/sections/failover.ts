import { setTimeout as pause } from 'node:timers/promises'
import { PaxosClient } from '../../src/client/client.ts'
import type { Cluster } from '../../test/cluster/cluster.ts'
import type { Section } from '../section.ts'
import { withOurCluster } from '../side-by-side/our-cluster.ts'
import { median } from '../statistics.ts'

/** Enough that one writer's waiting is not taken for the cluster's. */
const writers = 16
const quietMs = 2000

export const failoverSection: Section = {
  name: 'failover',
  summary: 'time without an acknowledged write after kill -9 of the leader, default timeouts',
  run: (bench) =>
    withOurCluster(bench.directory, {}, async (cluster) => {
      const gaps: number[] = []
      for (let round = 0; round < 2 * bench.rounds; round++) gaps.push(await killLeader(cluster))
      const rounded = gaps.map((gap) => Math.round(gap))
      bench.say(`failover: ${rounded.join(', ')} ms`)
      return [
        {
          id: 'failover',
          name: 'failover: longest time without an acknowledged write after `kill -9` of the leader, worst of all kills',
          unit: 'ms',
          ours: Math.max(...gaps),
          target: { text: '≤ 1.5 s', of: 'value', atMost: 1500 },
          detail: { median: median(gaps), kills: rounded },
        },
      ]
    }),
}

/** The longest time between two acknowledged writes, around the death of the leader. The node is back afterwards. */
async function killLeader(cluster: Cluster): Promise<number> {
  const client = new PaxosClient({ endpoints: cluster.endpoints, timeoutMs: 30_000 })
  let last = performance.now()
  let longest = 0
  let isOver = false
  const writer = async (number: number): Promise<void> => {
    while (!isOver) {
      await client.put(`failover/${number}`, 'x')
      const now = performance.now()
      longest = Math.max(longest, now - last)
      last = now
    }
  }
  await client.put('failover/first', 'x')
  last = performance.now()
  const load = Array.from({ length: writers }, (_, number) => writer(number))
  await pause(quietMs / 2)
  const leader = await cluster.leader()
  longest = 0
  await leader.kill()
  await pause(quietMs)
  isOver = true
  await Promise.all(load)
  await client.close()
  leader.start()
  await cluster.ready()
  return longest
}
