/**
 * A leader whose machine slept past its lease wakes to reads that wait, before it hears of its successor. Its monotonic
 * clock stood still, so by that clock the lease is good. A pause by a signal alone does not show this: that clock runs on.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { withCluster } from '../cluster/cluster.ts'
import { until } from '../cluster/until.ts'
import { lieHook } from './lies.ts'
import { clockHook, NodeClocks } from './node-clocks.ts'

const leaseMs = 500
/** Well above what a busy machine keeps a process waiting, and below what the turn takes. */
const sleepMs = 300
const turns = 4
const reads = 8
const patienceMs = 10_000
const leaseReads = 'paxos_reads_total{by="lease",outcome="answered"}'

/** How many reads were stale. */
async function staleReads(hooks: readonly string[]): Promise<number> {
  let stale = 0
  const execArgv = [clockHook, ...hooks].flatMap((hook) => ['--import', hook])
  await withCluster({ nodes: 3, settings: { leaseMs }, proxied: true, execArgv }, async (cluster) => {
    const clocks = new NodeClocks(cluster.directory)
    await cluster.startAll()
    for (let turn = 0; turn < turns; turn++) {
      const leader = await cluster.leader()
      const others = cluster.except(leader.name)
      const direct = cluster.clientOf(leader)
      await direct.put('k', `${turn} old`)
      // There is no such line before the first.
      const before = await leader.metric(leaseReads).catch(() => 0)
      await until('a read is served by the lease', patienceMs, async () => {
        await direct.get('k')
        return (await leader.metric(leaseReads)) > before
      })
      clocks.set(leader, { sleepMs })
      assert.ok(await clocks.isTaken(leader))
      leader.signal('SIGSTOP')
      const stoppedAt = performance.now()
      // From here on: what its successor says would otherwise wait for it in the kernel, beside the reads.
      for (const { name } of others) cluster.proxy?.cutBoth(leader.name, name)
      await cluster.client({ endpoints: others.map((node) => node.url) }).put('k', `${turn} new`)
      // They lie in the kernel until it wakes.
      const answers = Array.from({ length: reads }, () => fetch(`${leader.url}/v1/kv/k`))
      await pause(Math.max(0, 2 * sleepMs - (performance.now() - stoppedAt)))
      leader.signal('SIGCONT')
      clocks.set(leader, {})
      assert.ok(await clocks.isTaken(leader))
      clocks.set(leader, { sleepMs: undefined })
      cluster.proxy?.healAll()
      for (const answer of await Promise.all(answers)) {
        const body = await answer.text()
        assert.ok([200, 503, 504].includes(answer.status), `${answer.status} ${body}`)
        if (answer.status === 200 && body !== `${turn} new`) stale++
      }
      await cluster.ready()
    }
  })
  return stale
}

test('a leader whose machine slept past its lease serves nothing that was overwritten meanwhile', async () => {
  assert.equal(await staleReads([]), 0)
})

test('the same leader serves stale reads when it does not look at its clocks', async () => {
  assert.ok((await staleReads([lieHook('sleep-unnoticed')])) > 0)
})
