/** `paxos node restart` with restart commands that do only half of it, on real nodes. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { paxos } from '../cli/paxos.ts'
import { withCluster } from './cluster.ts'
import { until } from './until.ts'

test('a node that its restart command stopped and did not start is restarted once more by --resume', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'paxos-rolling-'))
  try {
    await withCluster({ nodes: 3 }, async (cluster) => {
      await cluster.startAll()
      const [node] = cluster.except((await cluster.leader()).name)
      assert.ok(node !== undefined)
      const restart = (...args: readonly string[]) =>
        paxos(['node', 'restart', ...args, '--endpoints', cluster.endpoints.join(',')])
      const stopping = ['--restart-command', `kill ${node.childPid} # {name}`]
      const left = await restart(node.name, ...stopping, '--within', '3s', '--yes')
      assert.equal(left.exit, 8)
      assert.match(left.stderr, new RegExp(`It is paused.* restarts ${node.name} once more if it stays down`))

      const asked = join(folder, node.name)
      const resumed = restart('--resume', '--restart-command', `touch ${folder}/{name}`)
      await until('the restart command is run again', 60_000, () => existsSync(asked))
      node.start()
      const { exit, stderr } = await resumed
      assert.equal(exit, 0, stderr)
      assert.match(stderr, new RegExp(`done: ${node.name}`))
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('a dry run finds that the others do not suffice, and a real one is refused before it locks the cluster', async () => {
  await withCluster({ nodes: 2 }, async (cluster) => {
    await cluster.startAll()
    const run = (...args: readonly string[]) => paxos([...args, '--endpoints', cluster.endpoints.join(',')])
    const command = ['node', 'restart', 'n2', '--restart-command', 'false {name}']
    const dry = await run(...command, '--dry-run')
    assert.equal(dry.exit, 6)
    assert.match(dry.stdout, /^not now: without n2, 1 of 2 acceptors answer/m)
    const refused = await run(...command, '--yes')
    assert.equal(refused.exit, 6)
    assert.match(refused.stderr, /do not suffice: without n2/)
    assert.equal((await run('kv', 'get', 'paxos-maintenance')).exit, 7)
    await cluster.node('n2').kill()
    // While its lease lasts, a leader alone still answers reads.
    await until('the lock cannot be read', 30_000, async () => {
      const alone = await run(...command, '--dry-run', '--timeout', '2s')
      assert.equal(alone.exit, 6)
      assert.match(alone.stdout, /^not now: n2 does not answer/m)
      return /^not now: whether other maintenance .* is not known/m.test(alone.stdout)
    })
    const status = await run('upgrade', 'status', '--timeout', '2s')
    assert.match(status.stderr, /whether an upgrade is under way is not known/)
    assert.doesNotMatch(status.stdout, /nothing to upgrade/)
  })
})
