/** Members come and go while clients write, by the commands of an operator. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import type { JoinerJson } from '../../src/daemon/joiner-probe.ts'
import { featureLevels } from '../../src/protocol/feature-level.ts'
import type { EpochsJson } from '../../src/wire/api-types.ts'
import { json, paxos, type Ran, startPaxos } from '../cli/paxos.ts'
import { type Cluster, patienceMs, withCluster } from './cluster.ts'
import type { NodeProcess } from './node-process.ts'
import { until } from './until.ts'
import { assertSameContent, Load } from './workload.ts'

function run(cluster: Cluster, ...args: readonly string[]): Promise<Ran> {
  return paxos([...args, '--endpoints', cluster.endpoints.join(','), '--timeout', '30s'])
}

async function succeed(cluster: Cluster, ...args: readonly string[]): Promise<Record<string, unknown>> {
  const ran = await run(cluster, ...args, '--json')
  assert.equal(ran.exit, 0, `${args.join(' ')}: ${ran.stdout}${ran.stderr}`)
  return json(ran)
}

/** Name and kind of each member of the newest epoch. */
async function members(cluster: Cluster): Promise<string> {
  const { epochs } = (await succeed(cluster, 'epoch', 'show')) as unknown as EpochsJson
  return (epochs.at(-1)?.members ?? []).map(({ name, kind }) => (kind === 'learner' ? `${name}?` : name)).join(' ')
}

async function waiting(node: NodeProcess): Promise<NodeProcess> {
  node.start()
  await until(`${node.name} waits`, patienceMs, async () => node.log.includes('waiting to be let in'))
  return node
}

function add(cluster: Cluster, node: NodeProcess, ...more: readonly string[]): Promise<Record<string, unknown>> {
  const args = ['--address', `127.0.0.1:${node.peerPort}`, '--yes', '--catch-up-within', '60s', ...more]
  return succeed(cluster, 'member', 'add', node.name, ...args)
}

test('under load nodes are let in, replace others and leave, and no acknowledged write is lost or done twice', async () => {
  await withCluster({ nodes: 3 }, async (cluster) => {
    await cluster.startAll()
    const load = new Load(cluster.client())
    const n4 = await waiting(await cluster.joiner('n4'))
    assert.equal((await fetch(`${n4.url}/livez`)).status, 200)
    assert.deepEqual(await n4.readiness(), { ready: false, reason: 'n4 waits to be let in' })
    const asked = await paxos(['node', 'status', '--endpoints', n4.url])
    assert.equal(asked.exit, 5)
    assert.match(asked.stderr, /n4 waits to be let in\n.*paxos member add n4 --address 127\.0\.0\.1:/)
    await add(cluster, n4)
    assert.equal(await members(cluster), 'n1 n2 n3 n4')
    const n5 = await waiting(await cluster.joiner('n5'))
    await add(cluster, n5, '--learner')
    assert.equal(await members(cluster), 'n1 n2 n3 n4 n5?')
    const leader = await cluster.leader()
    await succeed(cluster, 'member', 'replace', leader.name, 'n5', '--yes')
    await until('the leader knows that it is out', patienceMs, async () => {
      return /no member any more/.test((await leader.readiness()).reason ?? '')
    })
    const [first] = cluster.except(leader.name, 'n4', 'n5')
    assert.ok(first !== undefined)
    await succeed(cluster, 'member', 'remove', first.name, '--yes')
    const left = cluster.except(leader.name, first.name)
    await cluster.ready(left)
    await load.stop()
    await load.verify()
    await assertSameContent(cluster, left)

    // Whoever is out stays out, also after a restart, and serves nobody.
    await leader.stop()
    leader.start()
    await until('it says why it does not serve', patienceMs, async () => {
      return /no member any more|none any more/.test((await leader.readiness()).reason ?? '')
    })
    const answer = await fetch(`${leader.url}/v1/kv/load%2F0`, {
      method: 'PUT',
      body: 'x',
      signal: AbortSignal.timeout(20_000),
    })
    assert.equal(answer.status, 503)
    assert.match(await answer.text(), /STOPPING.*no member any more since epoch \d+: ask another one/)
  })
})

test('what is wrong is refused before anything is changed, with the reason', async () => {
  await withCluster({ nodes: 3 }, async (cluster) => {
    await cluster.startAll()
    const joiner = await waiting(await cluster.joiner('n4'))
    const refused = async (exit: number, pattern: RegExp, ...args: readonly string[]): Promise<void> => {
      const ran = await run(cluster, ...args)
      assert.equal(ran.exit, exit, `${args.join(' ')}: ${ran.stdout}${ran.stderr}`)
      assert.match(ran.stdout + ran.stderr, pattern)
    }
    const misplaced = await cluster.joiner('n5')
    misplaced.start({ dataDir: cluster.directory })
    assert.equal((await misplaced.exited()).code, 6)
    assert.match(misplaced.log, /holds no node, but/)
    assert.doesNotMatch(misplaced.log, /waiting to be let in/)
    const at = (node: NodeProcess): string => `127.0.0.1:${node.peerPort}`
    const other = cluster.node('n2')
    await refused(6, /cannot be reached/, 'member', 'add', 'n9', '--address', '127.0.0.1:1', '--yes')
    await refused(6, /is named n4, not n9/, 'member', 'add', 'n9', '--address', at(joiner), '--yes')
    await refused(6, /runs in a cluster already/, 'member', 'add', 'n9', '--address', at(other), '--yes')
    await refused(6, /is a member already, at/, 'member', 'add', 'n2', '--address', at(joiner), '--yes')
    await refused(2, /no terminal to ask on/, 'member', 'remove', 'n1')
    await refused(7, /no member "n7".*Members are n1, n2, n3/s, 'member', 'remove', 'n7', '--yes')
    await refused(2, /n3 cannot be put in its own place/, 'member', 'replace', 'n3', 'n3', '--yes')
    await refused(6, /n2 votes already/, 'member', 'replace', 'n3', 'n2', '--yes')
    await refused(2, /must be between 1 and 3|whole number/, 'epoch', 'change', '--q1', '0', '--yes')
    await refused(6, /q1 \+ q2 must exceed.*got 1 \+ 1 for 3/s, 'epoch', 'change', '--q1', '1', '--q2', '1', '--yes')
    const same = await run(cluster, 'epoch', 'change', '--q1', '2', '--members', 'n1,n2,n3', '--yes')
    assert.deepEqual([same.exit, same.stderr], [0, 'epoch 1 is as wanted already: nothing to do\n'])
    await refused(2, /n3 is to vote/, 'epoch', 'change', '--members', 'n1,n2', '--acceptors', 'n1,n3', '--yes')
    await refused(
      6,
      /q1 must be between 1 and 2, got 3/,
      'epoch',
      'change',
      '--acceptors',
      'n1,n2',
      '--q1',
      '3',
      '--dry-run',
    )
    await refused(7, /no member "n4"/, 'epoch', 'change', '--acceptors', 'n1,n4', '--dry-run')
    const [down, up] = cluster.except((await cluster.leader()).name, 'n4')
    assert.ok(down !== undefined && up !== undefined)
    await down.kill()
    await until('the leader misses it', patienceMs, async () => {
      return (await run(cluster, 'member', 'ok-to-stop', up.name)).exit === 10
    })
    await refused(6, /1 of its 2 acceptors answer now/, 'member', 'remove', up.name, '--yes')
    await refused(10, /no: without/, 'node', 'drain', up.name)
    assert.equal(await members(cluster), 'n1 n2 n3')
  })
})

test('a removal that the quorum sizes forbid says which sizes to take first, and is done after that', async () => {
  await withCluster({ nodes: 3, settings: { q1: 3, q2: 1 } }, async (cluster) => {
    await cluster.startAll()
    const remove = ['member', 'remove', 'n3']
    const first = /q1 must be between 1 and 2, got 3.*`paxos (epoch change --q1 2 --q2 2)`, then this again/s
    // A leader that has just been elected has not heard of all members yet.
    await until('the leader knows who answers', patienceMs, async () => {
      const ran = await run(cluster, ...remove, '--dry-run')
      assert.equal(ran.exit, 6, ran.stderr)
      return first.test(ran.stdout)
    })
    const { exit, stdout, stderr } = await run(cluster, ...remove, '--yes')
    assert.equal(exit, 6)
    const [, change = ''] = first.exec(stdout + stderr) ?? []
    await succeed(cluster, ...change.split(' '), '--yes')
    await until('it is done', patienceMs, async () => (await run(cluster, ...remove, '--yes')).exit === 0)
    assert.equal(await members(cluster), 'n1 n2')
  })
})

test('an addition that is interrupted goes on when it is run again: command, leader and new node killed in the middle', async () => {
  await withCluster({ nodes: 3 }, async (cluster) => {
    await cluster.startAll()
    const client = cluster.client()
    for (let n = 0; n < 50; n++) await client.put(`k/${n}`, 'v'.repeat(10_000))
    const n4 = await waiting(await cluster.joiner('n4'))
    const address = `127.0.0.1:${n4.peerPort}`
    const command = startPaxos([
      'member',
      'add',
      'n4',
      '--address',
      address,
      '--yes',
      '--endpoints',
      cluster.endpoints.join(','),
    ])
    await until('n4 is a member', patienceMs, async () => (await members(cluster)).includes('n4'))
    command.kill('SIGKILL')
    await n4.kill()
    await (await cluster.leader()).kill()
    n4.start()
    await cluster.leader()
    await add(cluster, n4)
    assert.equal(await members(cluster), 'n1 n2 n3 n4')
    const again = await run(cluster, 'member', 'add', 'n4', '--address', address, '--yes')
    assert.equal(again.exit, 0, again.stderr)
    assert.match(again.stderr, /votes already/)
    for (const node of cluster.nodes) if (!node.running) node.start()
    await cluster.ready()
    await assertSameContent(cluster)
  })
})

test('a learner that does not catch up in time is taken out again', async (t) => {
  await withCluster({ nodes: 3 }, async (cluster) => {
    await cluster.startAll()
    // It waits to be let in, and does nothing more.
    const body: JoinerJson = { waiting: true, name: 'n4', version: '0', featureLevels }
    const n4 = createServer((_, response) => response.setHeader('Connection', 'close').end(JSON.stringify(body)))
    t.after(() => void n4.close())
    n4.listen(0, '127.0.0.1')
    await once(n4, 'listening')
    const address = `127.0.0.1:${(n4.address() as AddressInfo).port}`
    const { exit, stderr } = await run(
      cluster,
      ...['member', 'add', 'n4', '--address', address, '--yes', '--catch-up-within', '1s'],
    )
    assert.equal(exit, 8, stderr)
    assert.match(stderr, /n4 did not catch up in time: it does not answer the leader/)
    assert.match(stderr, /taking n4 out again/)
    assert.match(stderr, /n4 was taken out again\. Start it anew/)
    assert.equal(await members(cluster), 'n1 n2 n3')
  })
})

test('leadership is handed over, and a node is drained, without an error for clients', async () => {
  await withCluster({ nodes: 3 }, async (cluster) => {
    await cluster.startAll()
    const load = new Load(cluster.client())
    for (let round = 0; round < 3; round++) {
      const from = await cluster.leader()
      const { to } = await succeed(cluster, 'leader', 'transfer')
      assert.notEqual(to, from.name)
      assert.equal((await succeed(cluster, 'leader', 'show'))['leader'], to)
      const drained = await succeed(cluster, 'node', 'drain', String(to))
      assert.equal(drained['okToStop'], true)
      assert.notEqual(drained['leader'], to)
    }
    await load.stop()
    await load.verify()
  })
})
