/** Processes that end in every way under load: nothing acknowledged is lost, nothing is done twice, no read is stale. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Cluster, electionTimeoutMs, groupOf, withCluster } from './cluster.ts'
import { until } from './until.ts'
import { assertSameContent, Load } from './workload.ts'

const kills = 10

function loadOn(cluster: Cluster): Load {
  const readers = cluster.nodes.map((node) => cluster.clientOf(node, { timeoutMs: 2000 }))
  return new Load(cluster.client(), { readers })
}

test('every node takes writes and reads, and stale reads say their revision', async () => {
  await withCluster({ nodes: 3 }, async (cluster) => {
    await cluster.startAll()
    const clients = cluster.nodes.map((node) => ({ name: node.name, client: cluster.clientOf(node) }))
    for (const writer of clients) {
      const { revision } = await writer.client.put('from', writer.name)
      for (const reader of clients) {
        const item = await reader.client.get('from')
        assert.equal(item?.text(), writer.name, `written through ${writer.name}, read through ${reader.name}`)
        await until(`${reader.name} has it`, 5000, async () => {
          const stale = await reader.client.list({ prefix: 'from', consistency: 'stale' })
          assert.ok(stale.revision <= revision)
          return stale.revision === revision && stale.items[0]?.text() === writer.name
        })
      }
    }
    await assertSameContent(cluster)
  })
})

test('kill -9 of the leader under load, ten times, loses no acknowledged write and serves no stale read', async () => {
  await withCluster({ nodes: 3 }, async (cluster) => {
    await cluster.startAll()
    const load = loadOn(cluster)
    await load.progress(200)
    for (let kill = 0; kill < kills; kill++) {
      const leader = await cluster.leader()
      await leader.kill()
      await load.progress(100)
      leader.start()
      await cluster.ready()
      await load.progress(100)
    }
    await load.stop()
    assert.ok(load.reads > kills, 'the readers read nothing')
    await load.verify()
    await assertSameContent(cluster)
  })
})

test('a leader that gets SIGTERM under load hands over at once and loses nothing', async () => {
  await withCluster({ nodes: 3 }, async (cluster) => {
    await cluster.startAll()
    const load = loadOn(cluster)
    await load.progress(200)
    for (let turn = 0; turn < 3; turn++) {
      const leader = await cluster.leader()
      const others = cluster.except(leader.name)
      const stoppedAt = performance.now()
      const exit = leader.stop()
      await cluster.leader(others, 2 * electionTimeoutMs + 2000)
      const tookMs = performance.now() - stoppedAt
      assert.deepEqual(await exit, { code: 0, signal: null })
      assert.ok(tookMs < 2 * electionTimeoutMs + 2000, `took ${tookMs} ms`)
      await load.progress(100)
      leader.start()
      await cluster.ready()
    }
    await load.stop()
    await load.verify()
    await assertSameContent(cluster)
  })
})

test('kill -9 of all nodes at once under load, twice, loses no acknowledged write', async () => {
  await withCluster({ nodes: 3 }, async (cluster) => {
    await cluster.startAll()
    const load = loadOn(cluster)
    for (let turn = 0; turn < 2; turn++) {
      await load.progress(300)
      await Promise.all(cluster.nodes.map((node) => node.kill()))
      for (const node of cluster.nodes) node.start()
      await cluster.ready()
    }
    await load.progress(100)
    await load.stop()
    await load.verify()
    await assertSameContent(cluster)
    for (const node of cluster.nodes) assert.equal((await groupOf(node)).notReady, null)
  })
})
