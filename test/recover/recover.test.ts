/** A quorum is lost for good, and what is left goes on without it: with real nodes, by the commands of an operator. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { recoveryGap } from '../../src/machine/restored.ts'
import type { AuditRecordJson } from '../../src/wire/audit-types.ts'
import { groupOf, patienceMs, withCluster } from '../cluster/cluster.ts'
import { until } from '../cluster/until.ts'
import { assertKept, ok, putMany, reasonOf, recover } from './fixture.ts'

test('one of three goes on alone with every write that it voted for, and the dead do not get in again', async () => {
  await withCluster({ nodes: 3 }, async (cluster) => {
    await cluster.startAll()
    const [n1, n2, n3] = [cluster.node('n1'), cluster.node('n2'), cluster.node('n3')]
    await putMany(n1, 0, 20)
    const { revision } = await groupOf(n1)
    for (const node of cluster.nodes) await node.kill()

    const plan = await recover(cluster, { survivors: [n1], dead: ['n2', '3'] })
    assert.deepEqual(plan['dead'], ['n2', 'n3'])
    assert.equal((plan['loss'] as { possible: boolean }).possible, true)
    await assertKept(n1, 0, 20)
    await putMany(n1, 20, 25)
    assert.equal((await groupOf(n1)).revision, revision + recoveryGap + 5)
    const [record] = (await ok(['audit', 'list', '--endpoints', n1.url]))['records'] as AuditRecordJson[]
    const detail = 'recovered from the loss of its quorum, epoch 2: removes n2, removes n3, q1 2 to 1, q2 2 to 1'
    assert.deepEqual([record?.action, record?.detail], ['epoch', detail])

    // Alone it can do nothing, and is told why by the one that went on.
    n2.start()
    await reasonOf(n2, /recovered from the loss of its quorum: n2 was left behind/)
    assert.equal((await n1.status()).members.length, 1)
    await n1.stop()
    n1.start()
    await cluster.ready([n1])
    await assertKept(n1, 0, 25)
    assert.ok(!n3.running)
  })
})

test('what only a survivor voted for is kept, and one that lags gets the rest from it', async () => {
  await withCluster({ nodes: 5, proxied: true }, async (cluster) => {
    await cluster.startAll()
    const leader = await cluster.leader()
    const [lagging, ...others] = cluster.except(leader.name)
    assert.ok(lagging !== undefined)
    await lagging.kill()
    await putMany(leader, 0, 10)
    // The others die together, and the leader goes on taking what it cannot have chosen any more.
    await Promise.all(others.map((node) => node.kill()))
    const late = fetch(`${leader.url}/v1/kv/late`, {
      method: 'PUT',
      body: 'voted by one',
      signal: AbortSignal.timeout(3000),
    })
    const answer = await late.catch(() => undefined)
    assert.notEqual(answer?.status, 200)
    await leader.kill()

    const plan = await recover(cluster, { survivors: [leader, lagging], dead: others.map(({ name }) => name) })
    const standings = plan['survivors'] as { member: string; needs: string; best: boolean }[]
    assert.deepEqual(
      standings.map(({ member, best }) => ({ member, best })),
      [
        { member: leader.name, best: true },
        { member: lagging.name, best: false },
      ],
    )
    for (const node of [leader, lagging]) {
      await assertKept(node, 0, 10)
      const kept = await fetch(`${node.url}/v1/kv/late`)
      assert.equal(await kept.text(), 'voted by one')
    }
    await until('both hold the same', patienceMs, async () => {
      const [a, b] = [await groupOf(leader), await groupOf(lagging)]
      return a.revision === b.revision && a.applied === b.applied
    })
  })
})
