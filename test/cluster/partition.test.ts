/**
 * Partial partitions (Ng, Haridi and Carbone, EuroSys 2023) between real processes. In each, one side can still elect a
 * leader that reaches a quorum, and must do so within four election timeouts.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { type Cluster, groupOf, withCluster } from './cluster.ts'
import type { NodeProcess } from './node-process.ts'
import { assertSameContent, Load } from './workload.ts'

/** As shipped. Four of them hold the client's retries and a loaded machine as well. */
const electionTimeoutMs = 1000
const limitMs = 4 * electionTimeoutMs

/** Milliseconds until a write that began now was acknowledged through `node`. */
async function serveTime(cluster: Cluster, node: NodeProcess): Promise<number> {
  const client = cluster.clientOf(node)
  const begin = performance.now()
  await client.put('probe', String(begin))
  const tookMs = performance.now() - begin
  assert.ok(tookMs < limitMs, `${node.name} served after ${Math.round(tookMs)} ms, not within ${limitMs}`)
  return tookMs
}

/** No more than one change of ballot in the next four election timeouts. */
async function assertSettled(node: NodeProcess): Promise<void> {
  const before = Number((await groupOf(node)).ballot.split('.')[0])
  await pause(4 * electionTimeoutMs)
  const after = Number((await groupOf(node)).ballot.split('.')[0])
  assert.ok(after - before <= 1, `the ballot rose from ${before} to ${after} in a partition that did not change`)
}

/** Cuts every pair of which neither is `centre`. */
function cutToStar(cluster: Cluster, centre: NodeProcess): void {
  const rest = cluster.except(centre.name)
  for (const [at, node] of rest.entries()) {
    for (const other of rest.slice(at + 1)) cluster.proxy?.cutBoth(node.name, other.name)
  }
}

/** Load that is unaware of the partition; it must find everything it was promised when the network is whole again. */
async function withLoad(nodes: number, body: (cluster: Cluster, leader: NodeProcess) => Promise<void>): Promise<void> {
  await withCluster({ nodes, proxied: true, settings: { heartbeatMs: 100, electionTimeoutMs } }, async (cluster) => {
    await cluster.startAll()
    const readers = cluster.nodes.map((node) => cluster.clientOf(node, { timeoutMs: 1000 }))
    const load = new Load(cluster.client(), { workers: 4, readers })
    await load.progress(50)
    await body(cluster, await cluster.leader())
    cluster.proxy?.healAll()
    await cluster.ready()
    await load.progress(50)
    await load.stop()
    await load.verify()
    await assertSameContent(cluster)
  })
}

test('quorum loss: a leader that is heard but has no quorum is replaced by the node that has one', async () => {
  await withLoad(5, async (cluster, leader) => {
    const centre = cluster.except(leader.name)[0]
    assert.ok(centre !== undefined)
    cutToStar(cluster, centre)
    await serveTime(cluster, centre)
    await assertSettled(centre)
    assert.equal((await groupOf(centre)).leader, centre.name)
  })
})

test('constrained: the only node that reaches a quorum leads, although its log is old', async () => {
  await withLoad(5, async (cluster, leader) => {
    const centre = cluster.except(leader.name)[0]
    assert.ok(centre !== undefined)
    // First its log gets old: it hears nothing while the others go on.
    for (const node of cluster.except(centre.name)) cluster.proxy?.cutBoth(node.name, centre.name)
    const client = cluster.clientOf(leader)
    for (let n = 0; n < 50; n++) await client.put('missed', String(n))
    // Then, at one moment, everyone reaches it only, and the leader nobody.
    cutToStar(cluster, centre)
    for (const node of cluster.except(centre.name, leader.name)) {
      cluster.proxy?.heal(node.name, centre.name)
      cluster.proxy?.heal(centre.name, node.name)
    }
    await serveTime(cluster, centre)
    assert.equal((await groupOf(centre)).leader, centre.name)
    assert.equal((await cluster.clientOf(centre).get('missed'))?.text(), '49')
    await assertSettled(centre)
  })
})

test('chained: two nodes that do not hear each other do not outbid each other through the third', async () => {
  await withLoad(3, async (cluster, leader) => {
    const [middle, end] = cluster.except(leader.name)
    assert.ok(middle !== undefined && end !== undefined)
    cluster.proxy?.cutBoth(leader.name, end.name)
    await serveTime(cluster, middle)
    await assertSettled(middle)
    await serveTime(cluster, middle)
  })
})

for (const nodes of [3, 5]) {
  test(`one way: a leader of ${nodes} that hears all and is heard by none is replaced`, async () => {
    await withLoad(nodes, async (cluster, leader) => {
      const others = cluster.except(leader.name)
      for (const { name } of others) cluster.proxy?.cut(leader.name, name)
      for (const node of others) await serveTime(cluster, node)
    })
  })
}

test('one way: a leader that is heard by all and hears none gives up, and another serves', async () => {
  await withLoad(3, async (cluster, leader) => {
    const others = cluster.except(leader.name)
    for (const { name } of others) cluster.proxy?.cut(name, leader.name)
    for (const node of others) await serveTime(cluster, node)
  })
})

test('links that are slow, dropped and half open cost time, and nothing else', async () => {
  await withLoad(3, async (cluster, leader) => {
    const others = cluster.except(leader.name)
    for (const { name } of others) {
      cluster.proxy?.delay(leader.name, name, 30)
      cluster.proxy?.delay(name, leader.name, 30)
    }
    await serveTime(cluster, leader)
    for (const { name } of others) cluster.proxy?.drop(leader.name, name)
    for (const node of cluster.nodes) await serveTime(cluster, node)
    // Half open from the leader: it is not told that nobody hears it, and the others find another.
    for (const { name } of others) cluster.proxy?.halfOpen(leader.name, name)
    for (const node of others) await serveTime(cluster, node)
  })
})
