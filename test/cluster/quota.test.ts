/** A quota on real nodes: growth is refused wherever it enters, what makes room is not, and it clears by itself. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PaxosError } from '../../src/base/error.ts'
import { paxos } from '../cli/paxos.ts'
import { type Cluster, withCluster } from './cluster.ts'
import type { NodeProcess } from './node-process.ts'
import { until } from './until.ts'

const quota = 4 * 1024 * 1024
/** Small, so that compacting them takes many slots, which nobody's writes make. */
const value = 'v'.repeat(800)

async function codeOf(request: Promise<unknown>): Promise<string | undefined> {
  try {
    await request
    return undefined
  } catch (error) {
    assert.ok(error instanceof PaxosError)
    return error.code
  }
}

/** Puts keys until the node refuses one. Returns how many it took. */
async function fill(cluster: Cluster, node: NodeProcess): Promise<number> {
  const client = cluster.clientOf(node, { session: false })
  for (let n = 0; n < 50_000; n += 100) {
    const puts = Array.from({ length: 100 }, (_, i) => codeOf(client.put(`fill/${n + i}`, value)))
    const codes = new Set(await Promise.all(puts))
    codes.delete(undefined)
    if (codes.size === 0) continue
    assert.deepEqual([...codes], ['NO_SPACE'])
    return n
  }
  return assert.fail('the quota was never reached')
}

test('at the quota growth is refused, reads, deletes and compaction work, and writes come back by themselves', async () => {
  const settings = { 'limits.stateBytesMax': quota, 'limits.stateFlushMs': 20 }
  await withCluster({ nodes: 3, settings }, async (cluster) => {
    await cluster.startAll()
    const leader = await cluster.leader()
    const follower = cluster.except(leader.name)[0]
    assert.ok(follower !== undefined)
    const run = (...args: readonly string[]) => paxos([...args, '--endpoints', cluster.endpoints.join(',')])
    const taken = await fill(cluster, leader)
    assert.ok(taken * value.length < quota && taken * value.length > quota / 3, `${taken} values were taken`)
    assert.match(leader.log, /the data nears its quota(.|\n)*the data has reached its quota: refusing writes/)

    const put = await run('kv', 'put', 'more', 'x')
    assert.equal(put.exit, 9)
    assert.match(put.stderr, /reached its quota, limits.stateBytesMax 4MiB.*paxos log compact/)
    const http = await fetch(`${leader.url}/v1/kv/more`, { method: 'PUT', body: 'x' })
    assert.equal(http.status, 507)
    assert.equal((await leader.metric('paxos_refusing_writes{why="quota"}')) === 1, true)
    assert.equal(await leader.metric('paxos_state_quota_bytes'), quota)
    assert.ok((await leader.metric('paxos_state_used_bytes')) >= quota)
    const doctor = await run('doctor')
    assert.equal(doctor.exit, 10)
    assert.match(doctor.stdout, /QUOTA_REACHED \(error\)/)
    const space = JSON.parse((await run('space', '--files', '--json')).stdout)
    const own = space.members.find(({ member }: { member: string }) => member === leader.name).space
    assert.deepEqual([own.refusing, own.full], ['quota', { inMs: 0, by: 'quota' }])

    const client = cluster.clientOf(leader, { session: false })
    assert.equal((await client.get('fill/0'))?.text(), value)
    assert.equal((await client.delete('fill/0')).deleted, 1)
    const inSession = cluster.clientOf(leader)
    assert.equal((await inSession.delete('fill/1')).deleted, 1, 'a session is opened first')
    assert.equal(await codeOf(inSession.put('more', 'x')), 'NO_SPACE')
    // A third of the keys: what the live ones took of all is more than what opens it again, without any compaction.
    assert.equal((await run('kv', 'delete', '--prefix', 'fill/1')).exit, 0)
    assert.equal(await codeOf(client.put('more', 'x')), 'NO_SPACE', 'what was deleted is history now')
    assert.equal((await run('log', 'compact', '--keep', '0')).exit, 0)
    await until('writes are taken again', 30_000, async () => (await codeOf(client.put('more', 'x'))) === undefined)
    assert.match(leader.log, /taking writes again/)
    assert.equal(await codeOf(cluster.clientOf(follower, { session: false }).put('more', 'y')), undefined)
    assert.equal((await run('doctor')).stdout.includes('QUOTA_'), false)
  })
})

test('at the quota a rolling restart begins, pauses, is gone on with and is given up', async () => {
  const settings = { 'limits.stateBytesMax': quota, 'limits.stateFlushMs': 20 }
  await withCluster({ nodes: 3, settings }, async (cluster) => {
    await cluster.startAll()
    const run = (...args: readonly string[]) =>
      paxos(['node', 'restart', ...args, '--endpoints', cluster.endpoints.join(',')])
    await fill(cluster, await cluster.leader())
    const failing = ['--restart-command', 'echo {name}; exit 3', '--yes']
    for (const args of [
      ['--rolling', ...failing],
      ['--resume', ...failing],
    ]) {
      const ran = await run(...args)
      assert.equal(ran.exit, 6, ran.stderr)
      assert.match(ran.stderr, /ended with exit status 3.*\n.*It is paused/s)
    }
    const given = await run('--abandon')
    assert.equal(given.exit, 0, given.stderr)
  })
})

test('a leader at its quota refuses what members without one forward', async () => {
  await withCluster({ nodes: 3, settings: { 'limits.stateFlushMs': 20 } }, async (cluster) => {
    const [low, ...others] = cluster.nodes
    assert.ok(low !== undefined)
    low.start({
      settings: { heartbeatMs: 50, electionTimeoutMs: 500, 'limits.stateBytesMax': quota, 'limits.stateFlushMs': 20 },
    })
    for (const node of others) node.start()
    await cluster.ready()
    await until('the node with the quota leads', 30_000, async () => {
      const leader = await cluster.leader()
      if (leader === low) return true
      await fetch(`${leader.url}/v1/leader`, { method: 'POST', body: JSON.stringify({ to: low.name }) })
      return false
    })
    const [follower] = others
    assert.ok(follower !== undefined)
    await fill(cluster, follower)
    const refused = await fetch(`${follower.url}/v1/kv/more`, { method: 'PUT', body: 'x' })
    assert.equal(refused.status, 507)
    assert.match(await refused.text(), new RegExp(`The data of ${low.name} has reached its quota`))
    assert.equal((await fetch(`${follower.url}/v1/kv/fill%2F0`, { method: 'DELETE' })).status, 200)
  })
})
