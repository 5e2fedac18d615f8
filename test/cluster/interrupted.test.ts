/** Changes that are interrupted in the middle, by the end of the command, of the leader or of another node, and run again. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import type { EpochsJson } from '../../src/wire/api-types.ts'
import { json, paxos, type Ran, startPaxos } from '../cli/paxos.ts'
import { type Cluster, groupOf, patienceMs, withCluster } from './cluster.ts'
import type { NodeProcess } from './node-process.ts'
import { until } from './until.ts'
import { assertSameContent } from './workload.ts'

type Victim = 'command' | 'leader' | 'both'

// Long enough for a change to be in the middle while the others stand still.
const settings = { electionTimeoutMs: 6000, heartbeatMs: 100 }

function run(cluster: Cluster, ...args: readonly string[]): Promise<Ran> {
  const running = cluster.nodes.filter((node) => node.running).map((node) => node.url)
  return paxos([...args, '--endpoints', running.join(','), '--timeout', '30s'])
}

/** Runs until it succeeds, as an operator would. */
async function rerun(cluster: Cluster, ...args: readonly string[]): Promise<Ran> {
  return await until(`${args.join(' ')} succeeds`, patienceMs, async () => {
    const ran = await run(cluster, ...args)
    return ran.exit === 0 ? ran : undefined
  })
}

/** The leader has proposed it, nobody else has seen it yet, and then what is to die does. */
async function interrupt(cluster: Cluster, victim: Victim, ...args: readonly string[]): Promise<void> {
  const leader = await cluster.leader()
  const others = cluster.except(leader.name).filter((node) => node.running)
  for (const node of others) node.signal('SIGSTOP')
  const command = startPaxos([...args, '--endpoints', leader.url, '--timeout', '30s'])
  const ended = once(command, 'close')
  try {
    await until('it is proposed', patienceMs, async () => {
      assert.equal(command.exitCode, null, `${args.join(' ')} has ended`)
      return (await groupOf(leader)).openSlots > 0
    })
    if (victim !== 'leader') command.kill('SIGKILL')
    if (victim !== 'command') await leader.kill()
  } finally {
    for (const node of others) node.signal('SIGCONT')
    command.kill('SIGKILL')
    await ended
  }
  if (!leader.running) leader.start()
  await cluster.leader()
}

async function newest(cluster: Cluster): Promise<string> {
  const { epochs } = json(await rerun(cluster, 'epoch', 'show', '--json')) as unknown as EpochsJson
  const epoch = epochs.at(-1)
  const members = (epoch?.members ?? []).map(({ name, kind }) => (kind === 'learner' ? `${name}?` : name))
  return `${members.join(' ')}, ${epoch?.q1} ${epoch?.q2}`
}

async function learner(cluster: Cluster, name: string): Promise<NodeProcess> {
  const node = await cluster.joiner(name, settings)
  node.start()
  const address = `127.0.0.1:${node.peerPort}`
  await rerun(cluster, 'member', 'add', name, '--address', address, '--learner', '--yes')
  return node
}

test('changes of members and sizes are done or not done, and running the command again ends what was begun', async () => {
  await withCluster({ nodes: 3, settings }, async (cluster) => {
    await cluster.startAll()
    const client = cluster.client()
    for (let n = 0; n < 20; n++) await client.put(`k/${n}`, `v${n}`)
    await learner(cluster, 'n4')

    await interrupt(cluster, 'command', 'member', 'promote', 'n4', '--yes')
    const promoted = await rerun(cluster, 'member', 'promote', 'n4', '--yes')
    assert.match(promoted.stderr, /n4 is an acceptor already/)
    assert.equal(await newest(cluster), 'n1 n2 n3 n4, 3 3')

    const sizes = ['--q1', '3', '--q2', '2']
    await interrupt(cluster, 'leader', 'epoch', 'change', ...sizes, '--yes')
    await rerun(cluster, 'epoch', 'change', ...sizes, '--yes')
    assert.match((await rerun(cluster, 'epoch', 'change', ...sizes, '--yes')).stderr, /as wanted already/)
    assert.equal(await newest(cluster), 'n1 n2 n3 n4, 3 2')

    await interrupt(cluster, 'both', 'member', 'remove', 'n4', '--yes')
    await rerun(cluster, 'member', 'remove', 'n4', '--yes')
    const removed = await rerun(cluster, 'member', 'remove', 'n4', '--yes')
    assert.match(removed.stderr, /n4 is no member any more: nothing to do/)
    assert.match(await newest(cluster), /^n1 n2 n3,/)

    const n5 = await learner(cluster, 'n5')
    const old = (await cluster.leader()).name
    await interrupt(cluster, 'leader', 'member', 'replace', old, 'n5', '--yes')
    await rerun(cluster, 'member', 'replace', old, 'n5', '--yes')
    assert.equal(await newest(cluster), `${['n1', 'n2', 'n3'].filter((name) => name !== old).join(' ')} n5, 3 2`)
    await until('n5 serves', patienceMs, async () => (await n5.readiness()).ready)

    for (let n = 0; n < 20; n++) assert.equal((await client.get(`k/${n}`))?.text(), `v${n}`)
    await assertSameContent(cluster, cluster.except('n4', old))
  })
})

test('a compaction, a hand-over and a drain that are interrupted leave nothing half done', async () => {
  await withCluster({ nodes: 3, settings }, async (cluster) => {
    await cluster.startAll()
    const client = cluster.client()
    for (let n = 0; n < 20; n++) await client.put('k', `v${n}`)

    const killed = await cluster.leader()
    const compacting = startPaxos(['log', 'compact', '15', '--endpoints', cluster.endpoints.join(',')])
    await Promise.all([killed.kill(), once(compacting.stderr ?? compacting, 'close')])
    killed.start()
    await cluster.ready()
    await rerun(cluster, 'log', 'compact', '15')
    const floors = await Promise.all(cluster.nodes.map(async (node) => (await groupOf(node)).compactedRevision))
    assert.ok(floors.includes(15), String(floors))
    assert.equal((await run(cluster, 'kv', 'get', 'k', '--revision', '14')).exit, 6)

    // The successor is dead before it hears of it.
    const leader = await cluster.leader()
    const [target, third] = cluster.except(leader.name)
    assert.ok(target !== undefined && third !== undefined)
    target.signal('SIGSTOP')
    const asked = await run(cluster, 'leader', 'transfer', target.name, '--timeout', '3s')
    assert.ok(asked.exit !== 0, asked.stdout)
    await target.kill()
    target.start()
    const now = await cluster.leader()
    const to = cluster.except(now.name)[0]?.name ?? ''
    await rerun(cluster, 'leader', 'transfer', to)

    const draining = startPaxos(['node', 'drain', to, '--endpoints', cluster.endpoints.join(',')])
    draining.kill('SIGKILL')
    await once(draining, 'close')
    const drained = json(await rerun(cluster, 'node', 'drain', to, '--json'))
    assert.equal(drained['okToStop'], true)
    assert.notEqual(drained['leader'], to)
    assert.equal((await client.get('k'))?.text(), 'v19')
    await assertSameContent(cluster)
  })
})
