/** Survivors that need each other's data: the log that would rebuild it is cut. */
import assert from 'node:assert/strict'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { groupOf, patienceMs, withCluster } from '../cluster/cluster.ts'
import { until } from '../cluster/until.ts'
import { assertKept, dirs, ok, planFile, putMany, refused } from './fixture.ts'

const settings = { 'limits.logSlotsKeptMax': 16 }

test('who lags behind a cut log gets a snapshot, and data that is gone is noticed before anything is written', async () => {
  await withCluster({ nodes: 5, settings }, async (cluster) => {
    await cluster.startAll()
    const best = await cluster.leader()
    const [lagging, ...others] = cluster.except(best.name)
    assert.ok(lagging !== undefined)
    await putMany(best, 0, 10)
    await lagging.kill()
    await putMany(best, 10, 200)
    await until('the log is cut', patienceMs, async () => (await groupOf(best)).truncated > 100)
    for (const node of [...others, best]) await node.kill()
    const dead = others.map(({ name }) => name).join(',')

    const state = join(best.dataDir, 'state.mdb')
    const plan = ['recover', 'plan', '--dead', dead, ...dirs([best, lagging])]
    await rename(state, `${state}.away`)
    await refused(6, /are chosen, and nobody who is left has them/, [...plan, '--dry-run'])
    await rename(`${state}.away`, state)

    const file = planFile(cluster)
    const made = await ok([...plan, '--out', file])
    const needs = (made['survivors'] as { member: string; needs: string }[]).map(
      (each) => `${each.member} ${each.needs}`,
    )
    assert.deepEqual(needs, [`${best.name} nothing`, `${lagging.name} snapshot`])
    const apply = ['recover', 'apply', file, ...dirs([best, lagging]), '--yes']
    await rename(state, `${state}.away`)
    await refused(6, /has everything below slot 0, and had \d+ when the plan was made/, apply)
    await rename(`${state}.away`, state)
    await ok(apply)
    await cluster.startAll([lagging, best])
    await ok(['recover', 'verify', file, '--endpoints', `${best.url},${lagging.url}`, '--wait', '30s'])
    for (const node of [best, lagging]) await assertKept(node, 0, 200)
  })
})
