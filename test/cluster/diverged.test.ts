/** Members whose data are not the same: found by themselves, by `paxos log verify`, and mended by an operator. */
import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { fromBinary } from '../../src/base/bytes.ts'
import { openEnvironment } from '../../src/daemon/store/environment.ts'
import { encodeRecord } from '../../src/daemon/store/record.ts'
import { readState, statePageSize, toStateKey } from '../../src/daemon/store/state-tree.ts'
import { itemKey } from '../../src/machine/layout.ts'
import { decodeItem, encodeItem } from '../../src/machine/records.ts'
import type { Item, Key } from '../../src/machine/request.ts'
import type { VerifyJson } from '../../src/wire/api-types.ts'
import { json, paxos, type Ran } from '../cli/paxos.ts'
import { type Cluster, groupOf, patienceMs, withCluster } from './cluster.ts'
import type { NodeProcess } from './node-process.ts'
import { until } from './until.ts'

const settings = { verifyEveryMs: 200 }

/** Changes an item in the data of a stopped node, with a checksum that holds: no reader can tell. */
async function spoil({ dataDir }: NodeProcess, key: string, change: (item: Item) => Partial<Item>): Promise<void> {
  const state = openEnvironment(join(dataDir, 'state.mdb'), { pageSize: statePageSize, readOnly: false })
  const viewKey = itemKey(key as Key)
  const record = readState(state, viewKey)
  assert.ok(record !== undefined, `${key} is not in ${dataDir}`)
  const item = decodeItem(key as Key, record)
  const { createRevision, modRevision, version, value } = { ...item, ...change(item) }
  const bytes = toStateKey(viewKey)
  await state.put(bytes, encodeRecord(bytes, encodeItem(createRevision, modRevision, version, value)))
  await state.close()
}

function verify(cluster: Cluster, ...args: readonly string[]): Promise<Ran> {
  return paxos(['log', 'verify', '--endpoints', cluster.endpoints.join(','), ...args])
}

async function states(ran: Promise<Ran>): Promise<Readonly<Record<string, string>>> {
  const { members } = json(await ran) as unknown as VerifyJson
  return Object.fromEntries(members.map(({ member, state }) => [member, state]))
}

const metric = (node: NodeProcess, of: string): Promise<number> => node.metric(`paxos_divergence{member="${of}"}`)

test('members that are the same say so: with one down, after a restart, and after a snapshot', async () => {
  const few = { ...settings, 'limits.logSlotsKeptMax': 16 }
  await withCluster({ nodes: 3, settings: few }, async (cluster) => {
    await cluster.startAll()
    const client = cluster.client()
    for (let i = 0; i < 300; i++) await client.put(`k${i % 7}`, `value ${i}`)
    const all = await verify(cluster)
    assert.equal(all.exit, 0, all.stdout)
    const [, upTo] = /3 of 3 members answered, compared up to slot (\d+)\n/.exec(all.stdout) ?? []
    assert.ok(Number(upTo) >= 300, all.stdout)
    assert.match(all.stdout, /\nsame: a majority of the members agrees, and nobody differs\n$/)
    const future = await verify(cluster, '--to', '5000')
    assert.equal(future.exit, 5, future.stdout)
    assert.match(future.stdout, /n1 and n2 and n3 know no slot that was compared/)
    const [first, second, third] = cluster.nodes as [NodeProcess, NodeProcess, NodeProcess]
    await until('the comparison in the background has come so far', patienceMs, async () => {
      return ((await groupOf(first)).verifiedUpTo ?? 0) >= 300
    })

    await third.kill()
    assert.deepEqual(await states(verify(cluster, '--json')), { n1: 'same', n2: 'same', n3: 'silent' })
    assert.equal((await verify(cluster)).exit, 0)
    // More than the log keeps: it comes back by snapshot.
    for (let i = 0; i < 300; i++) await client.put(`k${i % 7}`, `more ${i}`)
    for (const node of [first, second]) {
      await until(`${node.name} has truncated its log`, patienceMs, async () => (await groupOf(node)).truncated > 310)
    }
    third.start()
    await cluster.ready()
    await until('the snapshot is in place', patienceMs, async () => {
      return (await third.metric('paxos_snapshots_installed_total')) === 1
    })
    assert.deepEqual(await states(verify(cluster, '--json')), { n1: 'same', n2: 'same', n3: 'same' })
    // A checkpoint from before the snapshot came with it, and none of the slots between.
    const early = json(await verify(cluster, '--to', '256', '--json')) as unknown as VerifyJson
    assert.deepEqual([early.verdict, early.checkedUpTo], ['same', 256])
    assert.deepEqual(
      early.members.map(({ slot }) => slot),
      [256, 256, 256],
    )

    await first.kill()
    await second.kill()
    const alone = await paxos(['log', 'verify', '--endpoints', `unix:${join(third.dataDir, 'paxos.sock')}`])
    assert.equal(alone.exit, 5, alone.stderr)
    assert.match(alone.stdout, /1 of 3 members answered/)
    assert.match(alone.stdout, /\nunknown: too few members could be compared\n$/)
    await third.stop()
    const stopped = json(
      await paxos(['log', 'verify', '--data-dir', third.dataDir, '--from', '256', '--to', '512', '--json']),
    )
    assert.equal(stopped['member'], 'n3')
    const kept = stopped['chain'] as readonly { readonly slot: number; readonly chain: string }[]
    assert.deepEqual(
      kept.map(({ slot }) => slot),
      [256, 512],
    )
    assert.equal(kept[0]?.chain, early.members[0]?.chain)
  })
})

test('a leader that applies a command otherwise gives up, serves no reads, and is whole again after its data are replaced', async () => {
  await withCluster({ nodes: 3, settings }, async (cluster) => {
    await cluster.startAll()
    const client = cluster.client()
    for (let i = 0; i < 20; i++) await client.put(`k${i}`, 'v')
    const wrong = cluster.node('n3')
    await wrong.stop()
    await spoil(wrong, 'k7', () => ({ version: 41 }))
    wrong.start()
    await cluster.ready()
    await until('n3 leads', patienceMs, async () => {
      const ran = await paxos(['leader', 'transfer', wrong.name, '--endpoints', cluster.endpoints.join(',')])
      return ran.exit === 0 && (await cluster.leader()) === wrong
    })
    // Nothing differs before somebody touches the key.
    assert.equal((await verify(cluster)).exit, 0)
    const { slot } = await client.put('k7', 'w')

    await until('n3 knows that it differs', patienceMs, async () => {
      const { ready, reason } = await wrong.readiness()
      return !ready && reason === `its data differ from those of the majority: first in slot ${slot}`
    })
    const others = cluster.except('n3')
    await until('others lead and know it', patienceMs, async () => {
      await cluster.leader(others)
      const found = await Promise.all(cluster.nodes.map((node) => metric(node, 'n3')))
      return found.every((value) => value === 1)
    })
    for (const node of cluster.nodes) {
      assert.match(node.log, /"level":"error".*"member":"n3".*"the data of a member have diverged"/, node.name)
      assert.equal(await metric(node, 'n1'), 0)
    }
    const said = await verify(cluster)
    assert.equal(said.exit, 10, said.stdout)
    assert.match(said.stdout, new RegExp(`\\ndiverged: n3 differs from the majority, first in slot ${slot}\\n$`))
    assert.deepEqual(await states(verify(cluster, '--json')), { n1: 'same', n2: 'same', n3: 'diverged' })
    const status = await paxos(['cluster', 'status', '--endpoints', cluster.endpoints.join(',')])
    assert.equal(status.exit, 10)
    assert.match(status.stdout, /unhealthy: n3: its data differ from those of the majority/)
    const examined = await paxos(['doctor', '--endpoints', cluster.endpoints.join(',')])
    assert.equal(examined.exit, 10)
    assert.match(examined.stdout, /^DIVERGED \(error\) n3: .*\n {2}seen {2}said by .*first in slot \d+\n/m)

    for (const consistency of ['linearizable', 'stale']) {
      const read = await fetch(`${wrong.url}/v1/kv/k7?consistency=${consistency}`)
      assert.equal(read.status, 503)
      const { error } = (await read.json()) as { error: { code: string } }
      assert.equal(error.code, 'UNHEALTHY')
    }
    // A client that was at the node goes on at another, and writes through the node are right: the leader answers.
    const there = cluster.client({ endpoints: [wrong.url, others[0]?.url ?? ''], followLeader: false })
    assert.equal((await there.get('k8'))?.text(), 'v')
    assert.equal((await cluster.clientOf(wrong).put('k8', 'x', { ifVersion: 1 })).version, 2)

    // Its vote still counts.
    const [gone, stays] = others as [NodeProcess, NodeProcess]
    await gone.kill()
    await cluster.leader([stays])
    await client.put('k9', 'with the vote of n3')
    gone.start()
    await cluster.ready(others)

    await wrong.stop()
    for (const file of ['state.mdb', 'state.mdb-lock']) await rm(join(wrong.dataDir, file), { force: true })
    wrong.start()
    await cluster.ready()
    assert.equal((await cluster.clientOf(wrong).get('k7'))?.version, 2)
    await until('the alarm is over', patienceMs, async () => {
      const found = await Promise.all(cluster.nodes.map((node) => metric(node, 'n3')))
      return found.every((value) => value === 0)
    })
    assert.equal((await verify(cluster)).exit, 0)
  })
})

test('a value that was changed on one disk is found by its key', async () => {
  await withCluster({ nodes: 3, settings }, async (cluster) => {
    await cluster.startAll()
    const client = cluster.client()
    await Promise.all(Array.from({ length: 2500 }, (_, at) => client.put(`key/${10_000 + at}`, `value ${at}`)))
    const whole = await verify(cluster, '--content')
    assert.equal(whole.exit, 0, whole.stdout + whole.stderr)
    assert.match(whole.stdout, /^2,500 keys compared at revision 2500\n/)
    const wrong = cluster.node('n2')
    await wrong.stop()
    await spoil(wrong, 'key/11234', ({ value }) => ({ value: fromBinary('X'.repeat(value.length)) }))
    wrong.start()
    await cluster.ready()
    assert.equal((await verify(cluster)).exit, 0, 'no chain can see that')
    for (const endpoint of cluster.endpoints) {
      const found = await paxos(['log', 'verify', '--content', '--json', '--endpoints', endpoint])
      assert.equal(found.exit, 10, found.stdout)
      const { firstKey, members } = json(found)
      assert.equal(firstKey, 'key/11234')
      assert.deepEqual(members, [
        { member: 'n1', state: 'same' },
        { member: 'n2', state: 'diverged' },
        { member: 'n3', state: 'same' },
      ])
    }
    await cluster.node('n1').kill()
    const split = await verify(cluster, '--content')
    assert.equal(split.exit, 10)
    assert.match(split.stdout, /diverged: n2 and n3 differ, first at key key\/11234/)
    await cluster.node('n3').kill()
    const few = await paxos(['log', 'verify', '--content', '--endpoints', wrong.url])
    assert.equal(few.exit, 5, few.stdout + few.stderr)
  })
})
