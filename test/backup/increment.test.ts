/** Increments and restores to a point, by the real program, between clusters of real processes. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { PaxosClient } from '../../src/client/client.ts'
import { restoreGap } from '../../src/machine/restored.ts'
import type { BackupManifest } from '../../src/wire/backup-manifest.ts'
import type { IncrementManifest } from '../../src/wire/increment-manifest.ts'
import { json, paxos, startPaxos } from '../cli/paxos.ts'
import { type Cluster, patienceMs, withCluster } from '../cluster/cluster.ts'
import { until } from '../cluster/until.ts'
import { contentOf } from './content.ts'
import { HoldingProxy } from './holding-proxy.ts'
import { scratchFolder } from './sample-backup.ts'

async function created<T = IncrementManifest>(cluster: Cluster, file: string, ...more: readonly string[]): Promise<T> {
  const endpoints = cluster.nodes.filter((node) => node.running).map((node) => node.url)
  const ran = await paxos(['backup', 'create', file, '--json', '--endpoints', endpoints.join(','), ...more])
  assert.equal(ran.exit, 0, ran.stderr + ran.stdout)
  return json(ran)['manifest'] as T
}

/** Of older slots, for increments. */
const keeping = { 'limits.backupLogBytesMax': '64MiB' }

interface Restored {
  readonly content: readonly string[]
  /** Of the backup at the point. */
  readonly backup: BackupManifest
  /** Of the first write to the new cluster. */
  readonly firstRevision: number
}

/** Restores to a cluster of one, starts it, and looks at what is in it. */
async function restored(...args: readonly string[]): Promise<Restored> {
  let found: Restored | undefined
  await withCluster({ nodes: 1, settings: keeping }, async (cluster) => {
    const [node] = cluster.nodes
    assert.ok(node)
    const members = ['--cluster-token', 'test-cluster', '--bootstrap-members', `n1=127.0.0.1:${node.peerPort}`]
    const ran = await paxos(['restore', ...args, ...members, `--data-dir=n1=${node.dataDir}`, '--json'])
    assert.equal(ran.exit, 0, ran.stdout + ran.stderr)
    await cluster.startAll()
    const client = cluster.client()
    const content = await contentOf(client)
    const { revision } = await client.put('a first write', 'x')
    found = { content, backup: json(ran)['backup'] as BackupManifest, firstRevision: revision }
  })
  assert.ok(found)
  return found
}

/** Several clients write, read-modify-write and delete, until told to stop. */
function load(client: PaxosClient): { stop(): Promise<number> } {
  let isOver = false
  const lane = async (n: number): Promise<number> => {
    let writes = 0
    for (; !isOver; writes++) {
      await client.put(`lane/${n}/${writes % 30}`, `value ${writes} `.repeat(8))
      if (writes % 7 === 0) await client.delete(`lane/${n}/${(writes + 11) % 30}`)
    }
    return writes
  }
  const lanes = Promise.all([0, 1, 2, 3, 4, 5].map(lane))
  return {
    stop: async () => {
      isOver = true
      return (await lanes).reduce((sum, writes) => sum + writes, 0)
    },
  }
}

async function writes(client: PaxosClient, count: number, prefix = 'key'): Promise<void> {
  for (let n = 0; n < count; n++) await client.put(`${prefix}/${n % 50}`, `${n}`)
}

test('under load, through a change of leaders and of the epoch, every moment between can be restored', async () => {
  await withCluster({ nodes: 3, settings: keeping }, async (cluster) => {
    await cluster.startAll()
    const client = cluster.client()
    const files = ['full', 'one', 'two'].map((name) => join(cluster.directory, `${name}.paxos`))
    const [full = '', one = '', two = ''] = files
    const running = load(client)
    await writes(client, 100)
    const base = await created<BackupManifest>(cluster, full)

    const leader = await cluster.leader()
    await leader.kill()
    await cluster.leader(cluster.except(leader.name))
    await writes(client, 50)
    leader.start()
    await cluster.ready()
    await writes(client, 50)
    const rehearsed = await created(cluster, one, '--base', full, '--dry-run')
    assert.equal(existsSync(one), false)
    const first = await created(cluster, one, '--base', full)
    assert.deepEqual([rehearsed.from, rehearsed.base], [first.from, first.base])
    assert.equal(first.from, base.applied)

    const change = { method: 'POST', body: JSON.stringify({ after: 1, q1: 3, q2: 2 }) }
    await until('the epoch is changed', patienceMs, async () => {
      return (await fetch(`${(await cluster.leader()).url}/v1/epoch`, change)).status === 200
    })
    await writes(client, 100)
    const second = await created(cluster, two, '--base', one)
    assert.deepEqual([second.from, second.stopSigns, second.epoch], [first.applied, 1, 2])
    assert.ok((await running.stop()) > 0)

    const verified = await paxos(['backup', 'verify', ...files])
    assert.equal(verified.exit, 0, verified.stderr)
    const inspected = json(await paxos(['backup', 'inspect', ...files, '--json']))
    assert.partialDeepStrictEqual(inspected, {
      restorable: {
        slot: { from: base.applied, to: second.applied },
        revision: { from: base.revision, to: second.revision },
      },
    })

    // The log in it says where to restore to: slots, times, commands, and the change of epoch.
    const shown = json(await paxos(['log', 'inspect', '--increment', two, '--from', '0', '--json']))
    const lines = shown['lines'] as { slot: number; epoch: number; kind: string }[]
    assert.deepEqual([lines.length, lines[0]?.slot, lines[0]?.epoch], [second.entries, second.from, 1])
    assert.equal(
      lines.find(({ epoch }) => epoch === 2)?.slot,
      (lines.find((l) => l.kind === 'stopSign')?.slot ?? 0) + 1,
    )
    const last = await paxos(['log', 'inspect', '--increment', one])
    assert.match(last.stdout, /^TIME +SLOT /)
    assert.match(last.stdout, /\n20\d\d-\d\d-\S+Z .* chosen +batch +/)
    assert.equal((await paxos(['log', 'inspect', '--increment', full])).exit, 2)

    const end = await restored(...files)
    assert.deepEqual(end.content, await contentOf(client, second.revision))
    // Above all that the old cluster gave, whatever is restored.
    const above = second.revision + restoreGap
    assert.equal(end.firstRevision, above + 1)

    const between = (from: number, to: number): number => Math.floor((from + to) / 2)
    const revision = between(base.revision, first.revision)
    const atRevision = await restored(...files, '--to-revision', String(revision))
    assert.equal(atRevision.backup.revision, revision)
    assert.deepEqual(atRevision.content, await contentOf(client, revision))
    assert.equal(atRevision.firstRevision, above + 1)

    const slot = between(second.from, second.applied)
    const atSlot = await restored(...files, '--to-slot', String(slot))
    assert.equal(atSlot.backup.applied, slot)
    assert.ok(atSlot.backup.revision > first.revision && atSlot.backup.revision < second.revision)
    assert.deepEqual(atSlot.content, await contentOf(client, atSlot.backup.revision))

    const timeMs = between(first.firstTimeMs, first.lastTimeMs)
    const atTime = await restored(...files, '--to-time', new Date(timeMs).toISOString())
    assert.ok(atTime.backup.revision > base.revision && atTime.backup.revision < first.revision)
    assert.deepEqual(atTime.content, await contentOf(client, atTime.backup.revision))
  })
})

test('members come and go before an increment', async () => {
  await withCluster({ nodes: 3, settings: keeping }, async (cluster) => {
    await cluster.startAll()
    const client = cluster.client()
    await writes(client, 60)
    const [full, one] = ['full', 'one'].map((name) => join(cluster.directory, `${name}.paxos`))
    assert.ok(full && one)
    await created<BackupManifest>(cluster, full)
    const endpoints = cluster.endpoints.slice(1).join(',')
    const n4 = await cluster.joiner('n4')
    n4.start()
    await until('n4 waits', patienceMs, () => n4.log.includes('waiting to be let in'))
    for (const change of [
      ['member', 'add', 'n4', '--address', `127.0.0.1:${n4.peerPort}`, '--catch-up-within', '60s'],
      ['member', 'remove', 'n1'],
    ]) {
      const ran = await paxos([...change, '--yes', '--endpoints', endpoints])
      assert.equal(ran.exit, 0, ran.stderr + ran.stdout)
      await writes(client, 30)
    }
    await cluster.nodes[0]?.stop()
    const manifest = await created(cluster, one, '--base', full)
    assert.ok(manifest.stopSigns >= 2, `${manifest.stopSigns} changes`)
    const end = await restored(full, one)
    const left = cluster.client({ endpoints: cluster.nodes.slice(1).map((node) => node.url) })
    assert.deepEqual(end.content, await contentOf(left, manifest.revision))
  })
})

test('an increment of a cluster that was restored, or of another one, is no continuation', async () => {
  await withCluster({ nodes: 1, settings: keeping }, async (cluster) => {
    await cluster.startAll()
    await writes(cluster.client(), 20)
    const full = join(cluster.directory, 'full.paxos')
    await created<BackupManifest>(cluster, full)
    await withCluster({ nodes: 1, settings: keeping }, async (other) => {
      const [node] = other.nodes
      assert.ok(node)
      const members = ['--cluster-token', 'test-cluster', '--bootstrap-members', `n1=127.0.0.1:${node.peerPort}`]
      assert.equal((await paxos(['restore', full, ...members, `--data-dir=n1=${node.dataDir}`])).exit, 0)
      await other.startAll()
      const one = join(other.directory, 'one.paxos')
      const refused = await paxos(['backup', 'create', one, '--base', full, '--endpoints', node.url])
      assert.equal(refused.exit, 6, refused.stderr)
      assert.match(refused.stderr, /is of cluster .* begin with a full backup/s)
      assert.equal(existsSync(one), false)
      // Its own can be continued.
      const again = join(other.directory, 'again.paxos')
      await created<BackupManifest>(other, again)
      await writes(other.client(), 5)
      await created(other, one, '--base', again)
      const mixed = await paxos(['backup', 'inspect', full, one])
      assert.equal(mixed.exit, 6, mixed.stderr)
    })
  })
})

test('where the log does not reach back any more, a full backup is asked for at once', async () => {
  await withCluster({ nodes: 1, settings: { 'limits.backupLogBytesMax': 0 } }, async (cluster) => {
    await cluster.startAll()
    const client = cluster.client()
    const full = join(cluster.directory, 'full.paxos')
    const { applied } = await created<BackupManifest>(cluster, full)
    await until('the log is cut', patienceMs, async () => {
      await writes(client, 50)
      const group = (await cluster.nodes[0]?.status())?.groups[0]
      return (group?.truncated ?? 0) > applied
    })
    const one = join(cluster.directory, 'one.paxos')
    const endpoints = cluster.endpoints.join(',')
    const args = ['backup', 'create', one, '--base', full, '--endpoints', endpoints, '--timeout', '30s']
    const startedAt = performance.now()
    const refused = await paxos(args)
    assert.equal(refused.exit, 6, refused.stderr)
    assert.match(refused.stderr, /does not have slot \d+ any more.*Make a full backup.*limits\.backupLogBytesMax/s)
    assert.ok(performance.now() - startedAt < 30_000)
    assert.equal(existsSync(one), false)
  })
})

test('what is kept outlives a restart, and the kept log is what another member has as well', async () => {
  await withCluster({ nodes: 3, settings: keeping }, async (cluster) => {
    await cluster.startAll()
    const client = cluster.client()
    const full = join(cluster.directory, 'full.paxos')
    const { applied } = await created<BackupManifest>(cluster, full)
    await until('the logs are cut', patienceMs, async () => {
      await writes(client, 100)
      const all = await Promise.all(cluster.nodes.map((node) => node.status()))
      return all.every(({ groups }) => (groups[0]?.truncated ?? 0) > applied + 200)
    })
    for (const node of cluster.nodes) await node.stop()
    await cluster.startAll()
    await writes(cluster.client(), 20)
    const manifests: IncrementManifest[] = []
    for (const node of cluster.nodes) {
      const file = join(cluster.directory, `${node.name}.paxos`)
      const ran = await paxos(['backup', 'create', file, '--base', full, '--json', '--endpoints', node.url])
      assert.equal(ran.exit, 0, ran.stderr + ran.stdout)
      // One that was behind, and took a snapshot, has not kept it all: another member gives it then.
      manifests.push(json(ran)['manifest'] as IncrementManifest)
    }
    const [first] = manifests
    for (const { applied: to, contentSha256 } of manifests) {
      if (to === first?.applied) assert.equal(contentSha256, first.contentSha256)
    }
    const files = cluster.nodes.map((node) => join(cluster.directory, `${node.name}.paxos`))
    for (const file of files) assert.equal((await paxos(['backup', 'verify', full, file])).exit, 0)
  })
})

test('a create and a restore that are killed leave nothing in the way, and are run again', async (t: TestContext) => {
  await withCluster({ nodes: 1, settings: keeping }, async (cluster) => {
    await cluster.startAll()
    const [node] = cluster.nodes
    assert.ok(node)
    const client = cluster.client()
    const [full, one] = ['full', 'one'].map((name) => join(cluster.directory, `${name}.paxos`))
    assert.ok(full && one)
    await created<BackupManifest>(cluster, full)
    const value = Buffer.alloc(500_000)
    for (let n = 0; n < 40; n++) {
      // What does not compress is held up on its way.
      crypto.getRandomValues(value.subarray(0, 65_000))
      crypto.getRandomValues(value.subarray(65_000, 130_000))
      crypto.getRandomValues(value.subarray(130_000, 195_000))
      await client.put(`large/${n}`, value)
    }
    const proxy = await HoldingProxy.start(t, node.clientPort, 1024 * 1024)
    const child = startPaxos(['backup', 'create', one, '--base', full, '--endpoints', proxy.url])
    await proxy.held
    child.kill('SIGKILL')
    await once(child, 'close')
    const left = (): string[] => readdirSync(dirname(one)).filter((name) => name.includes('one.paxos'))
    assert.match(left().join(), /^\.one\.paxos\.\d+\.partial$/)
    const { revision } = await created(cluster, one, '--base', full)
    assert.deepEqual(left(), ['one.paxos'])

    const scratch = scratchFolder(t)
    const dataDir = join(cluster.directory, 'new')
    const members = ['--cluster-token', 'other', '--bootstrap-members', 'n1=127.0.0.1:1']
    const args = ['restore', full, one, ...members, `--data-dir=n1=${dataDir}`, '--scratch', scratch]
    const killed = startPaxos(args)
    const replaying = (): boolean =>
      readdirSync(scratch, { recursive: true }).some((name) => `${name}`.includes('replay'))
    await until('it replays', patienceMs, () => replaying())
    killed.kill('SIGKILL')
    await once(killed, 'close')
    const ran = await paxos([...args, '--json'])
    assert.equal(ran.exit, 0, ran.stderr)
    assert.equal((json(ran)['backup'] as BackupManifest).revision, revision)
    assert.deepEqual(readdirSync(scratch), [])
    // Done is done: the same once more changes nothing, and a member of another point is not taken for it.
    assert.match((await paxos(args)).stderr, /was done before/)
    const other = await paxos([...args, '--to-revision', String(revision - 1)])
    assert.equal(other.exit, 6, other.stderr)
  })
})
