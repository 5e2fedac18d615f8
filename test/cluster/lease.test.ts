/** With a leader lease, reads need no round trip, and still none is ever stale: not even from a leader that was paused. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { groupOf, withCluster } from './cluster.ts'
import { until } from './until.ts'

const leaseMs = 400

test('a leader that was paused past its lease never serves what the others have overwritten', async () => {
  await withCluster({ nodes: 3, settings: { leaseMs } }, async (cluster) => {
    await cluster.startAll()
    let expected = 0
    for (let turn = 0; turn < 4; turn++) {
      const leader = await cluster.leader()
      const others = cluster.except(leader.name)
      const direct = cluster.clientOf(leader)
      await direct.put('k', String(++expected))
      await until('a read is served by the lease', 5000, async () => {
        assert.equal((await direct.get('k'))?.text(), String(expected))
        return (await leader.metric('paxos_reads_total{by="lease",outcome="answered"}')) > 0
      })

      leader.signal('SIGSTOP')
      const writer = cluster.client({ endpoints: others.map((node) => node.url) })
      await writer.put('k', String(++expected))
      // Sent while it is paused: these wait in its sockets and are the first things it sees when it wakes.
      const reads = Array.from({ length: 20 }, () => fetch(`${leader.url}/v1/kv/k`).then((answer) => readOf(answer)))
      leader.signal('SIGCONT')
      for (const { status, body } of await Promise.all(reads)) {
        if (status === 200) assert.equal(body, String(expected), 'a stale read by an expired lease')
        else assert.equal(status, 503, body)
      }
      await cluster.ready()
      assert.notEqual((await groupOf(leader)).notReady, 'no leader is known')
    }
  })
})

async function readOf(answer: Response): Promise<{ readonly status: number; readonly body: string }> {
  return { status: answer.status, body: await answer.text() }
}
