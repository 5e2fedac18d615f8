/** What chaos plants in real nodes is planted: a hook that does nothing would make every run prove less. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { type Cluster, withCluster } from '../cluster/cluster.ts'
import { until } from '../cluster/until.ts'
import { plant } from '../planted/bug.ts'
import { failpoints } from './failpoints.ts'
import { lies } from './lies.ts'
import { clockHook, NodeClocks } from './node-clocks.ts'

const patienceMs = 10_000
const hour = 3_600_000
const failpointHook = pathToFileURL(join(import.meta.dirname, 'hooks', 'failpoint.ts')).href

const planted = [...failpoints.map(({ name, patch }) => ({ name, patches: [patch] })), ...lies]

test('every failpoint and every lie matches its compiled module exactly once', () => {
  for (const { name, patches } of planted) {
    for (const patch of patches) {
      const source = readFileSync(join(import.meta.dirname, '../../dist', patch.file), 'utf8')
      assert.notEqual(plant(source, [patch]), source, name)
    }
  }
})

test('names tell failpoints and lies apart', () => {
  assert.equal(new Set(planted.map(({ name }) => name)).size, planted.length)
})

test('a node ends at its failpoint, says so, and goes on with its next start', async () => {
  await withCluster({ nodes: 1 }, async (cluster) => {
    const node = cluster.node('n1')
    for (const name of ['identity-after-record', 'vote-after-commit']) {
      node.start({ execArgv: ['--import', `${failpointHook}?name=${name}&pass=1`] })
      assert.deepEqual(await node.exited(), { code: null, signal: 'SIGKILL' })
      assert.ok(node.log.split('\n').includes(`failpoint ${name} reached`), node.log)
    }
    node.start()
    await cluster.ready()
  })
})

test('a failpoint that does not exist ends the node before it does anything', async () => {
  await withCluster({ nodes: 1 }, async (cluster) => {
    const node = cluster.node('n1')
    node.start({ execArgv: ['--import', `${failpointHook}?name=none&pass=1`] })
    assert.equal((await node.exited()).code, 1)
    assert.match(node.log, /There is no failpoint "none"/)
  })
})

async function withClocks(body: (cluster: Cluster, clocks: NodeClocks) => Promise<void>): Promise<void> {
  const execArgv = ['--import', clockHook]
  await withCluster({ nodes: 3, settings: { leaseMs: 400 }, execArgv }, async (cluster) => {
    const clocks = new NodeClocks(cluster.directory)
    await cluster.startAll()
    await body(cluster, clocks)
  })
}

test('a node whose wall clock jumps by an hour finds out, and stamps what it proposes with the new time', async () => {
  await withClocks(async (cluster, clocks) => {
    const leader = await cluster.leader()
    clocks.set(leader, { offsetMs: hour })
    assert.ok(await clocks.isTaken(leader))
    await until('it notices', patienceMs, () => leader.log.includes('the clock jumped; the lease is void'))
    await cluster.clientOf(leader).put('k', 'v')
    const response = await fetch(`${leader.url}/v1/log?from=0`)
    const times = [...(await response.text()).matchAll(/"timeMs":(\d+)/g)].map(([, time]) => Number(time))
    assert.ok(Math.abs(Math.max(...times) - Date.now() - hour) < hour / 2, `${times.at(-1)}`)
  })
})

test('a node whose machine sleeps finds out by its clocks', async () => {
  await withClocks(async (cluster, clocks) => {
    const node = await cluster.leader()
    clocks.set(node, { sleepMs: 100 })
    assert.ok(await clocks.isTaken(node))
    // It must lead when it wakes, to look at its lease: so nobody else may come to lead.
    for (const other of cluster.except(node.name)) other.signal('SIGSTOP')
    node.signal('SIGSTOP')
    await pause(300)
    for (const each of cluster.nodes) each.signal('SIGCONT')
    await until('it notices', patienceMs, () => node.log.includes('the clock jumped; the lease is void'))
    await cluster.ready()
  })
})
