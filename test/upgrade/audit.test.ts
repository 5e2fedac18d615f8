/** The audit trail begins when an upgrade is finalized, and not before: an older member would not understand it. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { auditLevel } from '../../src/protocol/feature-level.ts'
import type { AuditRecordJson } from '../../src/wire/audit-types.ts'
import { json, paxos, type Ran } from '../cli/paxos.ts'
import { groupOf, patienceMs, withCluster } from '../cluster/cluster.ts'
import { until } from '../cluster/until.ts'
import { buildWithoutOrigins, programOf } from './builds.ts'

test('members of two versions apply the same, nothing is recorded, and finalizing the upgrade begins the trail', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'paxos-audit-upgrade-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const program = programOf(buildWithoutOrigins(join(folder, 'earlier')).root)
  await withCluster({ nodes: 3, settings: { verifyEveryMs: 200 } }, async (cluster) => {
    const run = (...args: readonly string[]): Promise<Ran> => {
      const env = { PAXOS_ENDPOINTS: cluster.endpoints.join(','), PAXOS_ACTOR: 'ann' }
      return paxos([...args, '--timeout', '30s'], { env })
    }
    for (const node of cluster.nodes) node.start({ program })
    await cluster.ready()
    await cluster.client().put('k', 'first')

    const [earlier, ...upgraded] = cluster.nodes
    assert.ok(earlier !== undefined)
    for (const node of upgraded) {
      await node.stop()
      node.start({ settings: { heartbeatMs: 50, electionTimeoutMs: 500, verifyEveryMs: 200, auditWrites: 'true' } })
      await cluster.ready()
    }
    for (const node of upgraded) await cluster.clientOf(node, { actor: 'ann' }).put('k', node.name)
    assert.equal((await run('log', 'compact', '2')).exit, 0)
    const none = await run('audit', 'list')
    assert.equal(none.exit, 6)
    assert.match(none.stderr, /no audit trail: it is at feature level 1, and has one from level 2 on/)
    assert.match(none.stderr, /upgrade finalize/)
    const { applied } = await groupOf(await cluster.leader())
    await until('everybody has applied the same', patienceMs, async () => {
      const groups = await Promise.all(cluster.nodes.map(groupOf))
      return groups.every(({ verifiedUpTo }) => (verifiedUpTo ?? 0) >= applied)
    })
    const verified = await run('log', 'verify')
    assert.equal(verified.exit, 0, verified.stdout)

    await earlier.stop()
    assert.equal((await run('audit', 'list', '--data-dir', earlier.dataDir)).exit, 6)
    earlier.start()
    await cluster.ready()
    const finalized = await run('upgrade', 'finalize', '--yes')
    assert.equal(finalized.exit, 0, finalized.stderr)
    let records: AuditRecordJson[] = []
    await until('the finalizing is noted', patienceMs, async () => {
      const listed = await run('audit', 'list', '--json')
      records = (json(listed)['records'] as AuditRecordJson[] | undefined) ?? []
      return records.length > 0
    })
    assert.deepEqual(
      records.map(({ action, actor, detail }) => [action, actor, detail]),
      [['epoch', 'ann', `epoch 2: feature level ${auditLevel - 1} to ${auditLevel}`]],
    )
    await cluster.clientOf(upgraded[0] ?? earlier, { actor: 'ben' }).put('k', 'last')
    const who = await run('audit', 'who-changed', 'k')
    assert.match(who.stdout, /^REVISION .*\n +4 +put .* ben .*\n +3 +put +- +not audited/)
    assert.equal((await run('log', 'verify')).exit, 0)
  })
})
