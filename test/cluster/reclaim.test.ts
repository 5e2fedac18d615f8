/** `paxos node reclaim` on real nodes: under writes, killed in the middle, and again. */
import assert from 'node:assert/strict'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ReclaimJson, SpaceJson } from '../../src/wire/api-types.ts'
import { json, paxos, type Ran } from '../cli/paxos.ts'
import { type Cluster, groupOf, withCluster } from './cluster.ts'
import type { NodeProcess } from './node-process.ts'
import { until } from './until.ts'
import { assertSameContent, Load } from './workload.ts'

const sizeOf = (node: NodeProcess): number => statSync(join(node.dataDir, 'state.mdb')).size
const copies = (node: NodeProcess): string[] => readdirSync(node.dataDir).filter((name) => name.startsWith('state-'))

function run(cluster: Cluster, ...args: readonly string[]): Promise<Ran> {
  return paxos(['node', 'reclaim', '--endpoints', cluster.endpoints.join(','), ...args])
}

/** So that the files are mostly free. */
async function makeHoles(cluster: Cluster, keys: number): Promise<void> {
  const client = cluster.client()
  const value = 'x'.repeat(2000)
  await Promise.all(Array.from({ length: keys }, (_, n) => client.put(`gone/${n}`, value)))
  await Promise.all(Array.from({ length: 500 }, (_, n) => client.put(`kept/${n}`, value)))
  while ((await client.deleteRange({ prefix: 'gone/' })).deleted > 0);
  await client.compact((await client.list({ limit: 1 })).revision)
  await until('what was deleted is gone from the files', 60_000, async () => {
    const spaces = await Promise.all(
      cluster.nodes.map(async ({ url }) => (await (await fetch(`${url}/v1/space`)).json()) as SpaceJson),
    )
    return spaces.every(({ state }) => state.usedBytes < 4_000_000)
  })
}

test('the files shrink one after the other, while clients write, and the content stays the same', async () => {
  await withCluster({ nodes: 3, settings: { 'limits.stateFlushMs': 50 } }, async (cluster) => {
    await cluster.startAll()
    await makeHoles(cluster, 6000)
    const before = cluster.nodes.map(sizeOf)
    assert.ok(before.every((size) => size > 10_000_000))
    const dry = json(await run(cluster, 'n1', '--dry-run', '--json'))
    const byId = await run(cluster, '1', '--dry-run')
    assert.match(byId.stdout, /^n1: /)
    assert.deepEqual([Object.keys(dry), sizeOf(cluster.node('n1'))], [['0'], before[0]])

    const load = new Load(cluster.client(), { readers: cluster.nodes.map((node) => cluster.clientOf(node)) })
    await load.progress(50)
    const leader = await cluster.leader()
    const done = await run(cluster, '--all', '--json')
    assert.equal(done.exit, 0, done.stderr)
    const rows: { member: string; beforeBytes: number; afterBytes: number }[] = JSON.parse(done.stdout)
    assert.equal(rows.at(-1)?.member, leader.name, 'the leader is the last')
    for (const { beforeBytes, afterBytes } of rows) assert.ok(afterBytes < beforeBytes / 3)
    await load.progress(100)
    await load.stop()
    await load.verify()
    await until('the small files are the files', 10_000, () =>
      cluster.nodes.every((node, at) => sizeOf(node) < (before[at] ?? 0) / 3),
    )
    await assertSameContent(cluster)
    assert.deepEqual(cluster.nodes.flatMap(copies), [])
    for (const node of cluster.nodes) {
      await node.stop()
      node.start()
      await cluster.ready()
    }
    await load.verify()
    await assertSameContent(cluster)
  })
})

test('a node that is killed while it copies has its old file or the copy, and everything in it', async () => {
  await withCluster({ nodes: 1, settings: { 'limits.stateFlushMs': 20 } }, async (cluster) => {
    const node = cluster.node('n1')
    await cluster.startAll()
    await makeHoles(cluster, 4000)
    const client = cluster.client()
    const states = new Set<string>()
    for (let round = 0; round < 12; round++) {
      const acknowledged: string[] = []
      let isOver = false
      const writer = (async () => {
        for (let n = 0; !isOver; n++) {
          await client.put(`round/${round}/${n}`, 'v'.repeat(3000))
          acknowledged.push(`round/${round}/${n}`)
        }
      })().catch(() => {})
      await until('some writes', 10_000, () => acknowledged.length > 3)
      const answer = await fetch(`${node.url}/v1/space/reclaim`, { method: 'POST' })
      const begun = (await answer.json()) as ReclaimJson
      assert.equal(begun.state, 'running')
      await new Promise((resolve) => setTimeout(resolve, 12 * round))
      const left = copies(node)
      await node.kill()
      states.add(left.length > 0 ? 'copying' : 'done')
      isOver = true
      node.start()
      await cluster.ready()
      await writer
      assert.deepEqual(copies(node), [], 'the next start removes what is left')
      for (const key of acknowledged) assert.ok((await client.get(key)) !== undefined, `${key} is lost`)
      assert.equal((await client.list({ prefix: 'kept/', keysOnly: true })).items.length, 500)
    }
    assert.deepEqual([...states].sort(), ['copying', 'done'], 'both moments were met')
    const again = await run(cluster, 'n1')
    assert.equal(again.exit, 0, again.stderr)
    assert.match(again.stdout, /^n1: .* became .* in \d+ s\n$/)
    assert.equal((await groupOf(node)).notReady, null)
  })
})

test('what cannot be done is refused, and says why', async () => {
  await withCluster({ nodes: 1 }, async (cluster) => {
    await cluster.startAll()
    for (const [args, exit, words] of [
      [[], 2, /either names of members or --all/],
      [['n1', '--all'], 2, /either names of members or --all/],
      [['n9'], 7, /There is no member "n9".*\n.*Members are n1/],
    ] as const) {
      const ran = await run(cluster, ...args)
      assert.deepEqual([ran.exit, ran.stdout], [exit, ''])
      assert.match(ran.stderr, words)
    }
    await cluster.node('n1').stop()
    const settings = { heartbeatMs: 50, electionTimeoutMs: 500, 'limits.freeSpaceMinBytes': '1TiB' }
    cluster.node('n1').start({ settings })
    await cluster.ready()
    const full = await run(cluster, 'n1')
    assert.equal(full.exit, 9)
    assert.match(full.stderr, /The disk of n1 has no room for a copy: \d+ bytes are free/)
  })
})
