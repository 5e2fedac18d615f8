import type { Section } from '../section.ts'
import { withOurCluster } from '../side-by-side/our-cluster.ts'
import { fill, keySpace } from '../side-by-side/own-load.ts'

const valueBytes = 1024

export const recoverySection: Section = {
  name: 'recovery',
  summary: 'how soon nodes with much state serve again after kill -9',
  isLong: true,
  run: (bench) =>
    withOurCluster(bench.directory, {}, async (cluster) => {
      await fill(cluster.endpoints, keySpace((bench.stateMiB * 2 ** 20) / valueBytes), valueBytes)
      const leader = await cluster.leader()
      const follower = cluster.nodes.find((node) => node !== leader)
      await follower?.kill()
      const nodeAt = performance.now()
      await cluster.startAll(follower === undefined ? [] : [follower])
      const nodeMs = performance.now() - nodeAt
      await Promise.all(cluster.nodes.map((node) => node.kill()))
      const clusterAt = performance.now()
      await cluster.startAll()
      const clusterMs = performance.now() - clusterAt
      const state = `with ${bench.stateMiB} MiB of state`
      return [
        { id: 'recovery-node', name: `a follower ${state} serves again after \`kill -9\``, unit: 'ms', ours: nodeMs },
        { id: 'recovery-cluster', name: `all three ${state}, killed and started at once`, unit: 'ms', ours: clusterMs },
      ]
    }),
}
