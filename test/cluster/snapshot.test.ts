/** A member that was away while the log was truncated comes back by snapshot, also when that is interrupted. */
import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Cluster, patienceMs, withCluster } from './cluster.ts'
import type { NodeProcess } from './node-process.ts'
import { until } from './until.ts'
import { assertSameContent } from './workload.ts'

const logSlotsKeptMax = 16
/** A log is cut in steps of 128 slots, so this many are sure to go beyond what is kept. */
const slots = 200
const settings = { 'limits.logSlotsKeptMax': logSlotsKeptMax, 'limits.snapshotChunkBytes': '64KiB' }
const valueBytes = 16 * 1024
/** A tenth of the data. */
const fewChunks = 5 * 64 * 1024

/** Several snapshot chunks of data, in many more slots than the log keeps. */
async function writeMuch(cluster: Cluster, prefix: string): Promise<void> {
  const client = cluster.client()
  // One at a time, so that each has a slot of its own.
  for (let n = 0; n < slots; n++) {
    await client.put(`${prefix}/${n}`, `${prefix} ${n} `.repeat(valueBytes).slice(0, valueBytes))
  }
  await client.close()
}

/** Leaves one follower behind the log and returns it, stopped. */
async function strandFollower(cluster: Cluster): Promise<NodeProcess> {
  await cluster.startAll()
  await writeMuch(cluster, 'before')
  const leader = await cluster.leader()
  const away = cluster.except(leader.name)[0]
  assert.ok(away !== undefined)
  const had = (await leader.status()).groups[0]?.applied ?? 0
  // One that lags may have votes beyond what it says, and come back without a snapshot.
  await until(`${away.name} has all of it`, patienceMs, async () => {
    return ((await away.status()).groups[0]?.applied ?? 0) >= had
  })
  await away.kill()
  await writeMuch(cluster, 'after')
  const stays = cluster.except(away.name)
  for (const node of stays) {
    await until(`${node.name} has truncated its log`, patienceMs, async () => {
      const group = (await node.status()).groups[0]
      return group !== undefined && group.truncated > had
    })
  }
  return away
}

/** Slows what the others send to `to`, so that there is a middle to interrupt. */
function slowDown(cluster: Cluster, to: NodeProcess, delayMs: number): void {
  for (const node of cluster.except(to.name)) cluster.proxy?.delay(node.name, to.name, delayMs)
}

async function untilInstalling(node: NodeProcess): Promise<void> {
  await until(`${node.name} says that it is installing a snapshot`, patienceMs, async () => {
    const { ready, reason } = await node.readiness()
    return !ready && reason === 'installing a snapshot'
  })
}

/** Whoever has sent so much; any member may be asked. */
async function untilSent(cluster: Cluster, to: NodeProcess, bytes: number): Promise<NodeProcess> {
  return await until('somebody has sent some chunks', patienceMs, async () => {
    for (const node of cluster.except(to.name)) {
      if ((await node.metric('paxos_snapshot_sent_bytes_total')) >= bytes) return node
    }
    return undefined
  })
}

test('a follower that was away while the log was truncated comes back by snapshot with the same data', async () => {
  await withCluster({ nodes: 3, settings }, async (cluster) => {
    const away = await strandFollower(cluster)
    away.start()
    await cluster.ready()
    await until('the snapshot is in place', patienceMs, async () => {
      return (await away.metric('paxos_snapshots_installed_total')) === 1
    })
    await assertSameContent(cluster)
    const client = cluster.client()
    await client.put('afterwards', 'yes')
    await assertSameContent(cluster)
  })
})

test('a follower that is killed in the middle of a snapshot starts again and ends with the same data', async () => {
  await withCluster({ nodes: 3, settings, proxied: true }, async (cluster) => {
    const away = await strandFollower(cluster)
    slowDown(cluster, away, 50)
    for (let interruption = 1; interruption <= 2; interruption++) {
      away.start()
      await untilInstalling(away)
      await untilSent(cluster, away, fewChunks * interruption)
      await away.kill()
    }
    cluster.proxy?.healAll()
    away.start()
    await cluster.ready()
    await assertSameContent(cluster)
  })
})

test('a donor that is killed in the middle of a snapshot is replaced by the other member', async () => {
  await withCluster({ nodes: 3, settings, proxied: true }, async (cluster) => {
    const away = await strandFollower(cluster)
    slowDown(cluster, away, 50)
    away.start()
    await untilInstalling(away)
    const donor = await untilSent(cluster, away, fewChunks)
    await donor.kill()
    cluster.proxy?.healAll()
    await cluster.ready(cluster.except(donor.name))
    const client = cluster.client()
    await client.put('without the donor', 'yes')
    donor.start()
    await cluster.ready()
    await assertSameContent(cluster)
  })
})

test('a member that lost its state file, and only that, fetches the data again', async () => {
  await withCluster({ nodes: 3, settings }, async (cluster) => {
    await cluster.startAll()
    await writeMuch(cluster, 'before')
    await writeMuch(cluster, 'after')
    const node = cluster.node('n1')
    await until('its log no longer reaches back to the beginning', patienceMs, async () => {
      return ((await node.status()).groups[0]?.truncated ?? 0) > 0
    })
    await node.stop()
    for (const file of ['state.mdb', 'state.mdb-lock']) await rm(join(node.dataDir, file))
    node.start()
    await cluster.ready()
    assert.equal(await node.metric('paxos_snapshots_installed_total'), 1)
    await assertSameContent(cluster)
  })
})
