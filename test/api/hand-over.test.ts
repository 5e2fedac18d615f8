import assert from 'node:assert/strict'
import { test } from 'node:test'
import { handOver } from '../../src/cli/hand-over.ts'
import { findLeader } from '../../src/cli/leader.ts'
import { AdminClient } from '../../src/client/admin.ts'
import { startNode } from './node-fixture.ts'
import { SharedLog } from './single-replica.ts'

test('a leader that is elected again is asked again, and not for ever', async (t) => {
  const log = new SharedLog()
  const addresses = new Map<number, string>()
  const n1 = await startNode(t, { id: 1, log, addresses })
  const n2 = await startNode(t, { id: 2, log, addresses })
  const admin = new AdminClient()
  t.after(() => admin.close())
  const endpoints = [n1.endpoint, n2.endpoint]
  const move = async (timeoutMs: number): Promise<string | undefined> =>
    await handOver(admin, await findLeader(admin, endpoints), 'n2', { endpoints, timeoutMs })

  n1.replica.electedAgain = 3
  assert.equal(await move(1000), 'n1')
  assert.equal(n1.replica.handOvers, 3)
  assert.equal(await move(60_000), 'n2')
  assert.equal(n1.replica.handOvers, 4)
  await assert.rejects(admin.handOver(n1.endpoint, 'n2'), /this node does not lead/)
})
