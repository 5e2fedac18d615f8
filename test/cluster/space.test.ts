/** `paxos space` on real nodes, running and stopped. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SpaceView } from '../../src/cli/space/space-view.ts'
import { paxos } from '../cli/paxos.ts'
import { groupOf, withCluster } from './cluster.ts'
import { until } from './until.ts'

test('space tells files, free pages, history and prefixes, of a cluster and of a stopped node alike', async () => {
  await withCluster({ nodes: 3, settings: { 'limits.stateFlushMs': 20 } }, async (cluster) => {
    await cluster.startAll()
    const client = cluster.client()
    const value = 'x'.repeat(500)
    await Promise.all(Array.from({ length: 400 }, (_, n) => client.put(`users/${n % 4}/${n}`, value)))
    await Promise.all(Array.from({ length: 100 }, (_, n) => client.put(`jobs/${n}`, value)))
    await Promise.all(Array.from({ length: 50 }, (_, n) => client.delete(`jobs/${n}`)))
    await until('everything is stored', 10_000, async () => {
      const groups = await Promise.all(cluster.nodes.map(groupOf))
      return groups.every(({ durable, chosen }) => durable === chosen)
    })
    const space = async (...args: readonly string[]): Promise<SpaceView> => {
      const ran = await paxos(['space', '--json', ...args])
      assert.ok(ran.exit === 0 || ran.exit === 10, ran.stderr)
      return JSON.parse(ran.stdout)
    }
    const endpoints = ['--endpoints', cluster.endpoints.join(',')]
    const view = await space(...endpoints)
    assert.deepEqual(
      view.members.map(({ member, space }) => [member, space?.node]),
      [
        ['n1', 'n1'],
        ['n2', 'n2'],
        ['n3', 'n3'],
      ],
    )
    for (const { space } of view.members) {
      assert.ok(space !== null)
      assert.ok(space.state.bytes >= space.state.usedBytes && space.state.usedBytes > 250_000)
      assert.equal(space.state.bytes - space.state.usedBytes, space.state.freeBytes)
      assert.ok(space.log.slots > 0 && space.disk.freeBytes > 0)
    }
    const [content] = view.contents
    assert.ok(content?.complete)
    assert.deepEqual([content.items.count, content.history.count], [450, 50])
    assert.deepEqual(
      content.prefixes.map(({ prefix, items, history }) => [prefix, items.count, history.count]),
      [
        ['users/', 400, 0],
        ['jobs/', 50, 50],
      ],
    )
    const below = await space(...endpoints, 'users/', 'jobs/', '--top', '3')
    assert.deepEqual(
      below.contents.map(({ prefix, prefixes, more }) => [prefix, prefixes.length, more]),
      [
        ['users/', 3, 1],
        ['jobs/', 1, 0],
      ],
    )
    const node = cluster.node('n3')
    await node.stop()
    const dead = await paxos(['space', ...endpoints, '--files'])
    assert.equal(dead.exit, 10)
    assert.match(dead.stdout, /^n3 .* no answer$/m)

    const stopped = await space('--data-dir', node.dataDir)
    const { node: _name, revision: _at, ...counted } = content
    const { node: name, revision: _then, ...again } = stopped.contents[0] ?? content
    assert.equal(name, 'n3')
    assert.deepEqual(again.prefixes, counted.prefixes, 'the same words for a stopped node')
    assert.deepEqual([again.items, again.history, again.complete], [counted.items, counted.history, true])
  })
})
