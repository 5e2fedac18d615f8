/** `paxos log compact` on a real node. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { json, paxos, type Ran } from '../cli/paxos.ts'
import { withCluster } from './cluster.ts'

test('old revisions are forgotten when an operator says so, and no others', async () => {
  await withCluster({ nodes: 1 }, async (cluster) => {
    await cluster.startAll()
    const client = cluster.client()
    for (let i = 1; i <= 30; i++) await client.put('k', String(i))
    const compact = (...args: readonly string[]): Promise<Ran> =>
      paxos(['log', 'compact', '--endpoints', cluster.endpoints.join(','), ...args])

    const dry = json(await compact('--keep', '10', '--dry-run', '--json'))
    assert.deepEqual(dry, { compacted: 20, revision: 30, changed: true, dryRun: true })
    assert.equal((await client.get('k', { revision: 1 }))?.text(), '1')

    const kept = await compact('--keep', '10')
    assert.deepEqual([kept.exit, kept.stderr], [0, ''])
    assert.equal(kept.stdout, 'compacted: the oldest revision that can be read is 20, the newest 30\n')
    assert.equal((await client.get('k', { revision: 20 }))?.text(), '20')
    await assert.rejects(client.get('k', { revision: 19 }), /compacted/)

    const again = json(await compact('--keep', '10', '--json'))
    assert.deepEqual(again, { compacted: 20, revision: 30, changed: false, dryRun: false })
    const more = await compact('--keep', '100')
    assert.equal(more.stdout, 'nothing to forget: the oldest revision that can be read is 20, the newest 30\n')

    assert.deepEqual(json(await compact('20', '--json')), {
      compacted: 20,
      revision: 30,
      changed: false,
      dryRun: false,
    })
    const past = json(await compact('19', '--json'))
    assert.deepEqual((past['error'] as { code: string }).code, 'COMPACTED')
    const [compacted, future, all] = [await compact('15'), await compact('31'), await compact('30')]
    assert.deepEqual([compacted.exit, future.exit, all.exit], [6, 2, 0])
    assert.match(future.stderr, /Cannot compact to revision 31: the newest is 30/)
    assert.equal((await client.get('k'))?.text(), '30')
  })
})
