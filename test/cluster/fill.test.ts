/** `log fill` on gaps that a dead leader left behind. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import type { LogFillJson } from '../../src/wire/api-types.ts'
import { json, paxos, type Ran, startPaxos } from '../cli/paxos.ts'
import { patienceMs, withCluster } from './cluster.ts'
import type { NodeProcess } from './node-process.ts'
import { until } from './until.ts'

function fill(node: NodeProcess, ...args: readonly string[]): Promise<Ran> {
  return paxos(['log', 'fill', ...args, '--json', '--endpoints', node.url])
}

test('slots that only a dead leader and one other voted in get the real command, by a leader, and not before', async () => {
  // Elections take so long that the time between two leaders can be looked at.
  const settings = { electionTimeoutMs: 6000, heartbeatMs: 100 }
  await withCluster({ nodes: 3, proxied: true, settings }, async (cluster) => {
    await cluster.startAll()
    const client = cluster.client()
    await client.put('k', 'before')
    const leader = await cluster.leader()
    const [behind, other] = cluster.except(leader.name)
    assert.ok(behind !== undefined && other !== undefined)
    for (const near of [leader.name, other.name]) cluster.proxy?.cutBoth(near, behind.name)
    await cluster.clientOf(leader).put('k', 'only two know')
    const { chosen = 0 } = (await leader.status()).groups[0] ?? {}
    await leader.kill()

    // Who voted where is not known from one of three.
    const alone = await fill(behind, String(chosen - 1), '--take-over')
    assert.equal(alone.exit, 5, alone.stdout)
    assert.match(alone.stdout, /NO_QUORUM/)
    const every = await fill(behind, '--all', '--dry-run')
    assert.equal(every.exit, 5, every.stdout)
    const gaps = await paxos(['log', 'gaps', '--endpoints', behind.url])
    assert.equal(gaps.exit, 5, gaps.stdout)
    assert.match(gaps.stdout, /unknown: too few acceptors answered/)
    assert.doesNotMatch(gaps.stdout, /no gaps/)
    cluster.proxy?.healAll()
    const above = await until('the others reach each other again', patienceMs, async () => {
      const ran = await fill(behind, String(chosen + 100))
      return ran.exit === 5 ? undefined : ran
    })
    assert.equal(above.exit, 6, above.stdout)
    assert.match(above.stdout, /above the highest that anybody voted in/)
    // Interrupted: the only other one dies while it is asked, and then the command.
    const slot = String(chosen - 1)
    const interrupted = startPaxos(['log', 'fill', slot, '--take-over', '--endpoints', behind.url, '--timeout', '30s'])
    await other.kill()
    interrupted.kill('SIGKILL')
    await once(interrupted, 'close')
    // Alone it decides nothing; it may have been decided before the other one died.
    assert.ok([0, 5].includes((await fill(behind, slot, '--take-over')).exit))
    other.start()
    const done = await until('it is decided', patienceMs, async () => {
      const ran = await fill(behind, slot, '--take-over')
      return ran.exit === 0 ? ran : undefined
    })
    const { filled } = json(done) as unknown as LogFillJson
    // An election may have been faster than the command; then there was nothing left to fill.
    for (const each of filled) assert.deepEqual([each.slot, each.state, each.kind], [chosen - 1, 'chosen', 'batch'])
    const line = await paxos(['log', 'inspect', '--from', String(chosen - 1), '--endpoints', behind.url, '--json'])
    assert.match(line.stdout, /"state": "chosen"/)
    assert.equal((await cluster.clientOf(behind).get('k'))?.text(), 'only two know')

    const none = json(await fill(other, '--all')) as unknown as LogFillJson
    assert.deepEqual(none, { filled: [], gaps: [], more: false })
    const truncated = await paxos(['log', 'fill', '--endpoints', other.url])
    assert.equal(truncated.exit, 2)
  })
})
