/** A cluster is begun by one version: each founder derives the first epoch by itself. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { patienceMs, withCluster } from '../cluster/cluster.ts'
import { until } from '../cluster/until.ts'
import { buildWithoutOrigins, programOf } from './builds.ts'

test('a founder of a newer version than the others is refused, says why, and gets in with a version that begins as they did', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'paxos-founders-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const earlier = programOf(buildWithoutOrigins(join(folder, 'earlier')).root)
  await withCluster({ nodes: 3 }, async (cluster) => {
    const [n1, n2, n3] = [cluster.node('n1'), cluster.node('n2'), cluster.node('n3')]
    for (const node of [n1, n2]) node.start({ program: earlier })
    n3.start()
    await cluster.ready([n1, n2])
    await cluster.clientOf(n1).put('k', 'v')
    await until('the third says why', patienceMs, () => /Two versions began this cluster/.test(n3.log))
    assert.match(n3.log, /n[12] at feature level 1, n3 at 2|n3 at feature level 2, n[12] at 1/)
    assert.equal((await n3.status()).groups[0]?.epoch, 1)

    await n3.stop()
    rmSync(n3.dataDir, { recursive: true })
    n3.start({ program: earlier })
    await cluster.ready()
    assert.equal(Buffer.from((await cluster.clientOf(n3).get('k'))?.value ?? '').toString(), 'v')
  })
})
