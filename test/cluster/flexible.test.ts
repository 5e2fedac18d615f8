/**
 * Five members with q1 = 4 and q2 = 2. A leader needs itself and one more to write, so three may be down; an election
 * needs four, so a leader that dies while two members are down is not replaced before one of them is back.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { PaxosError } from '../../src/base/error.ts'
import { electionTimeoutMs, patienceMs, withCluster } from './cluster.ts'
import { until } from './until.ts'

test('with q1 = 4 and q2 = 2 of 5, writes need two members and elections need four', async () => {
  await withCluster({ nodes: 5, settings: { q1: 4, q2: 2 } }, async (cluster) => {
    await cluster.startAll()
    const client = cluster.client()
    await client.put('k', 'all')
    const leader = await cluster.leader()
    const followers = cluster.except(leader.name)
    const direct = cluster.clientOf(leader)
    for (const [down, follower] of followers.slice(0, 3).entries()) {
      await follower.kill()
      await direct.put('k', `${down + 1} down`)
      assert.equal((await direct.get('k'))?.text(), `${down + 1} down`)
    }
    const ballot = (await leader.status()).groups[0]?.ballot
    // Longer than a leader that needs more than it has would have lasted.
    await pause(4 * electionTimeoutMs)
    await direct.put('k', 'still')
    assert.equal((await leader.status()).groups[0]?.ballot, ballot, 'the leader did not last')

    await leader.kill()
    const [second, third, fourth, last] = followers
    assert.ok(last !== undefined)
    second?.start()
    third?.start()
    for (const node of [second, third]) {
      await until('it answers', patienceMs, async () => (await fetch(`${node?.url}/livez`)).ok)
    }
    // Three of five are up: enough to write, one too few to elect.
    await pause(4 * electionTimeoutMs)
    for (const node of [second, third, last]) {
      const answer = await node?.readiness()
      assert.deepEqual(answer, { ready: false, reason: 'no leader is known' })
      const live = await fetch(`${node?.url}/livez`)
      assert.equal(live.status, 200)
    }
    const refused = await fetch(`${last.url}/v1/kv/k`, { method: 'PUT', body: 'nobody leads' })
    assert.equal(refused.status, 503)
    const { error } = (await refused.json()) as { error: { code: string; hint: string } }
    assert.equal(error.code, 'NO_LEADER')
    assert.match(error.hint, /It was not done/)
    await assert.rejects(
      cluster.clientOf(last, { timeoutMs: 4000 }).get('k'),
      (thrown) => thrown instanceof PaxosError && thrown.code === 'NO_LEADER',
    )
    assert.equal((await cluster.clientOf(last).get('k', { consistency: 'stale' }))?.text().length, 5)

    fourth?.start()
    await cluster.ready(followers)
    assert.equal((await client.get('k'))?.text(), 'still')
    assert.equal((await client.put('k', 'elected')).version, 6)
  })
})
