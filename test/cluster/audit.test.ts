/** Who did what: through leaders that change, nodes that forward, a quorum that is lost, and a directory that is left. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AuditChangesJson, AuditRecordJson } from '../../src/wire/audit-types.ts'
import { json, paxos, type Ran } from '../cli/paxos.ts'
import { groupOf, patienceMs, withCluster } from './cluster.ts'
import { until } from './until.ts'

function shown(ran: Ran): unknown[] {
  assert.equal(ran.exit, 0, ran.stderr)
  const records = json(ran)['records'] as AuditRecordJson[]
  return records.map(({ action, actor, detail, address }) => [action, actor, detail, address])
}

test('who did what is known on every node, whoever led and whoever was asked, and from what the last one leaves', async () => {
  await withCluster({ nodes: 3, settings: { auditWrites: 'true' } }, async (cluster) => {
    await cluster.startAll()
    const leader = await cluster.leader()
    const [follower, other] = cluster.except(leader.name)
    assert.ok(follower !== undefined && other !== undefined)
    const run = (actor: string, ...args: readonly string[]): Promise<Ran> =>
      paxos([...args, '--timeout', '30s'], {
        env: { PAXOS_ENDPOINTS: cluster.endpoints.join(','), PAXOS_ACTOR: actor },
      })

    // Forwarded, it keeps who asked, and whom.
    await cluster.clientOf(follower, { actor: 'ann' }).put('orders/1', 'a')
    await cluster.clientOf(other, { actor: 'ben', session: false }).put('orders/2', 'b')
    const moved = await run('eve', 'leader', 'transfer', follower.name)
    assert.equal(moved.exit, 0, moved.stderr)
    await cluster.clientOf(leader, { actor: 'ben' }).put('orders/1', 'c')
    const changed = await run('eve', 'epoch', 'change', '--q1', '3', '--q2', '1', '--yes')
    assert.equal(changed.exit, 0, changed.stderr)
    const gone = await run('zoë', 'kv', 'delete', '--prefix', 'orders/', '--yes')
    assert.equal(gone.exit, 0, gone.stderr)
    assert.equal((await run('ann', 'audit', 'note', 'all orders are gone', '--dry-run')).exit, 0)
    for (const bad of ['', ' ', 'x'.repeat(1025)]) assert.equal((await run('ann', 'audit', 'note', bad)).exit, 2)
    assert.equal((await run('ann', 'audit', 'note', 'all orders are gone')).exit, 0)
    assert.equal((await run('ann', 'log', 'compact', '--keep', '3')).exit, 0)

    const listed = shown(await run('ann', 'audit', 'list', '--json'))
    const handOver = ['leader', 'eve', `to ${follower.name}`, '127.0.0.1']
    // One whose election the old leader wins is asked for again, three times in all, and each time is recorded.
    const asks = listed.length - 3
    assert.ok(asks >= 1 && asks <= 3, `${listed.length} records`)
    const epoch = ['epoch', 'eve', 'epoch 2: q1 2 to 3, q2 2 to 1', '127.0.0.1']
    const admin = [
      ...Array.from({ length: asks }, () => handOver),
      epoch,
      ['note', 'ann', 'all orders are gone', '127.0.0.1'],
      ['compact', 'ann', 'to revision 1', '127.0.0.1'],
    ]
    assert.deepEqual(listed, admin)
    assert.deepEqual(shown(await run('ann', 'audit', 'list', '--by', 'eve', '--action', 'epoch', '--json')), [epoch])
    const who = await run('ann', 'audit', 'who-changed', 'orders/1', '--json')
    const { changes } = JSON.parse(who.stdout) as AuditChangesJson
    assert.deepEqual(
      changes.map(({ revision, kind, record }) => [revision, kind, record?.actor, record?.node]),
      [
        [4, 'delete', 'zoë', changes[0]?.record?.node],
        [3, 'put', 'ben', leader.name],
        [1, 'put', 'ann', follower.name],
      ],
    )
    assert.equal((await run('ann', 'audit', 'who-changed', 'nothing')).exit, 7)

    const { applied } = await groupOf(await cluster.leader())
    await until('everybody has applied it', patienceMs, async () => {
      const groups = await Promise.all(cluster.nodes.map(groupOf))
      return groups.every((group) => group.applied >= applied)
    })
    const last = cluster.nodes[2]
    assert.ok(last !== undefined)
    await Promise.all(cluster.except(last.name).map((node) => node.kill()))
    const questions = [
      ['audit', 'list', '--json'],
      ['audit', 'list', '--writes', '--key', 'orders/2'],
      ['audit', 'who-changed', 'orders/1'],
    ]
    const alone = await Promise.all(questions.map((args) => paxos([...args, '--stale', '--endpoints', last.url])))
    assert.deepEqual(shown(alone[0] as Ran), admin)
    await last.stop()
    const left: Ran[] = []
    for (const args of questions) left.push(await paxos([...args, '--data-dir', last.dataDir]))
    assert.deepEqual(
      left.map(({ exit, stdout, stderr }) => ({ exit, stdout, stderr })),
      alone.map(({ exit, stdout, stderr }) => ({ exit, stdout, stderr })),
    )
    assert.match(
      left[2]?.stdout ?? '',
      /REVISION +CHANGE +TIME +WHO +FROM +NODE\n +4 +delete, delete-range orders\/ up to orders0 .* zoë/,
    )
  })
})

test('writes that nobody audited are shown as such', async () => {
  await withCluster({ nodes: 1 }, async (cluster) => {
    await cluster.startAll()
    await cluster.client().put('k', 'v')
    const who = await paxos(['audit', 'who-changed', 'k', '--endpoints', cluster.endpoints.join(',')])
    assert.equal(who.exit, 0, who.stderr)
    assert.match(who.stdout, /1 +put +- +not audited/)
    assert.match(who.stderr, /1 change not audited: set auditWrites/)
    const list = await paxos(['audit', 'list', '--writes', '--endpoints', cluster.endpoints.join(',')])
    assert.deepEqual([list.exit, list.stdout, list.stderr], [0, '', 'no such write was audited\n'])
  })
})
