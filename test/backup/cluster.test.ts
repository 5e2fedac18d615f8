/** Backup and restore by the real program, between clusters of real processes. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { buffer, text } from 'node:stream/consumers'
import { test } from 'node:test'
import { PaxosError } from '../../src/base/error.ts'
import type { PaxosClient } from '../../src/client/client.ts'
import { restoreGap } from '../../src/machine/restored.ts'
import type { BackupManifest } from '../../src/wire/backup-manifest.ts'
import { json, paxos, startPaxos } from '../cli/paxos.ts'
import { type Cluster, patienceMs, withCluster } from '../cluster/cluster.ts'
import type { NodeProcess } from '../cluster/node-process.ts'
import { until } from '../cluster/until.ts'
import { contentOf } from './content.ts'
import { HoldingProxy } from './holding-proxy.ts'

const token = 'test-cluster'
/** More than sockets and pipes hold between them. */
const manyBytes = 24 * 1024 * 1024
const heldAtBytes = 2 * 1024 * 1024

function membersOf(nodes: readonly NodeProcess[]): string {
  return nodes.map((node) => `${node.name}=127.0.0.1:${node.peerPort}`).join(',')
}

function restoreArgs(
  file: string,
  all: readonly NodeProcess[],
  directories: Readonly<Record<string, string>>,
): string[] {
  const each = Object.entries(directories).map(([name, directory]) => `--data-dir=${name}=${directory}`)
  return ['restore', file, '--cluster-token', token, '--bootstrap-members', membersOf(all), ...each]
}

async function writeLoad(client: PaxosClient, keys: number): Promise<void> {
  await Promise.all(
    Array.from({ length: keys }, async (_, n) => {
      await client.put(`key/${n}`, `first ${n}`)
      await client.put(`key/${n}`, `second ${n}`)
      if (n % 10 === 0) await client.delete(`key/${n}`)
    }),
  )
}

async function writeMuch(cluster: Cluster): Promise<void> {
  const client = cluster.client()
  const size = 512 * 1024
  for (let n = 0; n < manyBytes / size; n++) await client.put(`large/${n}`, randomBytes(size))
}

async function created(file: string, endpoints: readonly string[]): Promise<BackupManifest> {
  const ran = await paxos(['backup', 'create', file, '--json', '--endpoints', endpoints.join(',')])
  assert.equal(ran.exit, 0, ran.stderr + ran.stdout)
  return json(ran)['manifest'] as BackupManifest
}

function isCompacted(error: unknown): boolean {
  return error instanceof PaxosError && error.code === 'COMPACTED'
}

test('a backup that is made under load becomes a new cluster with every key as it was', async () => {
  await withCluster({ nodes: 3 }, async (cluster) => {
    await cluster.startAll()
    const client = cluster.client()
    await writeLoad(client, 500)
    // The restored cluster begins its epochs anew, whatever this one has come to.
    const change = { method: 'POST', body: JSON.stringify({ after: 1, q1: 3, q2: 2 }) }
    await until('the epoch is changed', patienceMs, async () => {
      return (await fetch(`${(await cluster.leader()).url}/v1/epoch`, change)).status === 200
    })
    let isOver = false
    const load = (async (): Promise<number> => {
      let n = 0
      for (; !isOver; n++) await Promise.all([0, 1, 2, 3].map((lane) => client.put(`load/${lane}`, `${n}`)))
      return n
    })()
    const before = (await client.put('acknowledged', 'before the backup')).revision
    const file = join(cluster.directory, 'orders.paxos')
    const manifest = await created(file, cluster.endpoints.slice(1))
    isOver = true
    assert.ok((await load) > 0)
    assert.equal(manifest.epoch, 2)
    assert.ok(manifest.revision >= before, 'everything acknowledged before is in it')
    assert.ok(manifest.history >= 500 && manifest.sessions >= 1, JSON.stringify(manifest))

    const inspected = await paxos(['backup', 'inspect', file, '--json'])
    assert.deepEqual([inspected.exit, json(inspected)['manifest']], [0, manifest])
    const verified = await paxos(['backup', 'verify', file])
    assert.equal(verified.exit, 0, verified.stderr)
    assert.match(verified.stdout, /every key is the same/)

    await withCluster({ nodes: 3 }, async (restored) => {
      const directories = Object.fromEntries(restored.nodes.map((node) => [node.name, node.dataDir]))
      const ran = await paxos(restoreArgs(file, restored.nodes, directories))
      assert.equal(ran.exit, 0, ran.stderr)
      await restored.startAll()
      const fresh = restored.client()
      assert.deepEqual(await contentOf(fresh), await contentOf(client, manifest.revision))

      const { revision } = await fresh.put('new', 'write')
      assert.equal(revision, manifest.revision + restoreGap + 1)
      await assert.rejects(fresh.get('key/1', { revision: manifest.revision }), isCompacted)
      assert.equal(await fresh.get('new', { revision: revision - 1 }), undefined)
      // Whoever may retry a write of the old cluster is told that the session is gone.
      for (let id = 1; id <= manifest.sessions + 1; id++) {
        const headers = { 'paxos-session': String(id), 'paxos-seq': '1' }
        const answer = await fetch(`${restored.nodes[0]?.url}/v1/kv/retry`, { method: 'PUT', body: 'x', headers })
        assert.equal(answer.status, 410)
      }
      // A restart and a member that lost its state leave all of it as it was.
      const content = await contentOf(fresh)
      for (const node of restored.nodes) await node.kill()
      await restored.startAll()
      assert.deepEqual(await contentOf(restored.client()), content)
      // So does a start that asks to be let in, as of every other member: it was in from the first.
      const [first, second] = restored.nodes
      assert.ok(first !== undefined && second !== undefined)
      await first.stop()
      first.start({ join: `127.0.0.1:${second.clientPort}` })
      await restored.ready()
    })
  })
})

test('a restored member without its data fetches it, and never applies the log to nothing', async () => {
  await withCluster({ nodes: 3 }, async (cluster) => {
    await cluster.startAll()
    await writeLoad(cluster.client(), 50)
    const file = join(cluster.directory, 'b.paxos')
    const dry = ['backup', 'create', file, '--dry-run', '--endpoints', cluster.endpoints.join(',')]
    const rehearsed = await paxos(dry)
    assert.equal(rehearsed.exit, 0, rehearsed.stderr)
    assert.match(rehearsed.stdout, /size +\S+ bytes in .*\n.*\nthe file would have \S+ bytes; nothing was written\n$/)
    assert.deepEqual(
      readdirSync(cluster.directory).filter((name) => name.includes('.paxos')),
      [],
    )
    const { fileBytes } = json(await paxos([...dry, '--json']))
    await created(file, cluster.endpoints)
    // The audit trail has one record more.
    assert.ok(Math.abs(statSync(file).size - Number(fileBytes)) < 1000, `${fileBytes} bytes`)
    assert.equal((await paxos(dry)).exit, 6, 'it is there already')
    const nowhere = [...dry.slice(0, 2), join(cluster.directory, 'no', 'b.paxos'), ...dry.slice(3)]
    assert.match((await paxos(nowhere)).stderr, /there is no such directory/)
    await withCluster({ nodes: 3 }, async (restored) => {
      const directories = Object.fromEntries(restored.nodes.map((node) => [node.name, node.dataDir]))
      assert.equal((await paxos(restoreArgs(file, restored.nodes, directories))).exit, 0)
      const [first] = restored.nodes
      assert.ok(first)
      rmSync(join(first.dataDir, 'state.mdb'))
      await restored.startAll()
      await until('the data was fetched', patienceMs, async () => {
        return (await first.metric('paxos_snapshots_installed_total')) === 1
      })
      const own = restored.clientOf(first)
      const others = restored.clientOf(restored.nodes[1] ?? first)
      assert.deepEqual(await contentOf(own), await contentOf(others))
    })
  })
})

test('under the old token and addresses, neither an old member nor an empty one gets into the restored cluster', async () => {
  await withCluster({ nodes: 3 }, async (cluster) => {
    await cluster.startAll()
    await writeLoad(cluster.client(), 20)
    const file = join(cluster.directory, 'b.paxos')
    const manifest = await created(file, cluster.endpoints)
    for (const node of cluster.nodes) await node.stop()
    const [n1, n2, n3] = cluster.nodes
    assert.ok(n1 && n2 && n3)
    const directories = { n1: join(cluster.directory, 'new-n1'), n2: join(cluster.directory, 'new-n2') }
    const ran = await paxos(restoreArgs(file, cluster.nodes, directories))
    assert.equal(ran.exit, 0, ran.stderr)
    assert.match(ran.stdout, /still to be restored from the same file: n3/)
    n1.start({ dataDir: directories.n1 })
    n2.start({ dataDir: directories.n2 })
    await cluster.ready([n1, n2])
    for (const changes of [{}, { dataDir: join(cluster.directory, 'empty') }]) {
      const before = n3.log.length
      n3.start(changes)
      await until('it is refused', patienceMs, () => n3.log.slice(before).includes('WRONG_CLUSTER'))
      assert.equal((await n3.readiness()).ready, false)
      await n3.kill()
    }
    const client = cluster.client({ endpoints: [n1.url, n2.url] })
    assert.equal((await contentOf(client)).length, manifest.keys)
    // The third is restored on its own machine, later, from the same file.
    const third = join(cluster.directory, 'new-n3')
    assert.equal((await paxos(restoreArgs(file, cluster.nodes, { n3: third }))).exit, 0)
    await client.put('meanwhile', 'written')
    n3.start({ dataDir: third })
    await cluster.ready([n3])
    assert.equal((await cluster.clientOf(n3).get('meanwhile'))?.text(), 'written')
  })
})

test('when the serving node dies in the middle, another one serves, and the file is one whole snapshot', async (t) => {
  await withCluster({ nodes: 3 }, async (cluster) => {
    await cluster.startAll()
    await writeMuch(cluster)
    const leader = await cluster.leader()
    const serving = cluster.except(leader.name)[0]
    assert.ok(serving)
    const proxy = await HoldingProxy.start(t, serving.clientPort, heldAtBytes)
    const file = join(cluster.directory, 'b.paxos')
    const child = startPaxos(['backup', 'create', file, '--endpoints', proxy.url])
    assert.ok(child.stderr && child.stdout)
    const said = text(child.stderr)
    await proxy.held
    assert.equal(existsSync(file), false)
    await serving.kill()
    proxy.cut()
    const [exit] = await once(child, 'close')
    assert.equal(exit, 0, await said)
    assert.match(await said, /broke off in the middle.*beginning again with another snapshot/)
    const { manifest } = json(await paxos(['backup', 'inspect', file, '--json'])) as { manifest: BackupManifest }
    assert.notEqual(manifest.node, serving.name)
    assert.equal(manifest.keys, manyBytes / (512 * 1024))
  })
})

test('standard output takes a second snapshot after a first that broke off', async () => {
  await withCluster({ nodes: 3 }, async (cluster) => {
    await cluster.startAll()
    await writeMuch(cluster)
    const [serving] = cluster.nodes
    assert.ok(serving)
    const child = startPaxos(['backup', 'create', '-', '--endpoints', serving.url])
    assert.ok(child.stdout && child.stderr)
    const said = text(child.stderr)
    // Who does not read holds up the command, and through it the node.
    await once(child.stdout, 'readable')
    await serving.kill()
    const [bytes, [exit]] = await Promise.all([buffer(child.stdout), once(child, 'close')])
    assert.equal(exit, 0, await said)
    assert.match(await said, /beginning again/)
    const file = join(cluster.directory, 'piped.paxos')
    writeFileSync(file, bytes)
    const verified = await paxos(['backup', 'verify', file, '--json'])
    assert.equal(verified.exit, 0, verified.stdout)
  })
})

test('a backup goes on through a change of leaders', async (t) => {
  await withCluster({ nodes: 3 }, async (cluster) => {
    await cluster.startAll()
    await writeMuch(cluster)
    const leader = await cluster.leader()
    const serving = cluster.except(leader.name)[0]
    assert.ok(serving)
    const proxy = await HoldingProxy.start(t, serving.clientPort, heldAtBytes)
    const file = join(cluster.directory, 'b.paxos')
    const running = created(file, [proxy.url])
    await proxy.held
    await leader.kill()
    await cluster.leader(cluster.except(leader.name))
    await cluster.client({ endpoints: cluster.except(leader.name).map((node) => node.url) }).put('after', 'the change')
    proxy.release()
    const manifest = await running
    assert.deepEqual([manifest.node, manifest.keys], [serving.name, manyBytes / (512 * 1024)])
  })
})

test('a backup that always breaks off is given up, and leaves no file', async (t) => {
  await withCluster({ nodes: 1 }, async (cluster) => {
    await cluster.startAll()
    await writeMuch(cluster)
    const proxy = await HoldingProxy.start(t, cluster.nodes[0]?.clientPort ?? 0, heldAtBytes, 'cut')
    const file = join(cluster.directory, 'b.paxos')
    const ran = await paxos(['backup', 'create', file, '--endpoints', proxy.url])
    assert.equal(ran.exit, 3, ran.stderr)
    assert.deepEqual(
      readdirSync(dirname(file)).filter((name) => name.includes('b.paxos')),
      [],
    )
  })
})

test('a killed command leaves nothing under the name of the file, and the next run cleans up after it', async (t) => {
  await withCluster({ nodes: 1 }, async (cluster) => {
    await cluster.startAll()
    await writeMuch(cluster)
    const [node] = cluster.nodes
    assert.ok(node)
    const proxy = await HoldingProxy.start(t, node.clientPort, heldAtBytes)
    const file = join(cluster.directory, 'b.paxos')
    const child = startPaxos(['backup', 'create', file, '--endpoints', proxy.url])
    await proxy.held
    child.kill('SIGKILL')
    await once(child, 'close')
    const left = (): string[] => readdirSync(dirname(file)).filter((name) => name.includes('b.paxos'))
    assert.equal(existsSync(file), false)
    assert.match(left().join(), /^\.b\.paxos\.\d+\.partial$/)
    await created(file, [node.url])
    assert.deepEqual(left(), ['b.paxos'])
    // It is there now, and stays unless that is asked for.
    const again = await paxos(['backup', 'create', file, '--endpoints', node.url])
    assert.equal(again.exit, 6)
    assert.match(again.stderr, /is there already/)
    assert.equal((await paxos(['backup', 'create', file, '--overwrite', '--endpoints', node.url])).exit, 0)
  })
})

test('a node without a quorum gives a backup over its unix socket when it may be stale', async () => {
  await withCluster({ nodes: 3 }, async (cluster) => {
    await cluster.startAll()
    await writeLoad(cluster.client(), 20)
    const [alone, ...others] = cluster.nodes
    assert.ok(alone)
    const revision = (await alone.status()).groups[0]?.revision
    for (const node of others) await node.kill()
    const file = join(cluster.directory, 'b.paxos')
    const args = ['backup', 'create', file, '--endpoints', `unix:${alone.dataDir}/paxos.sock`, '--timeout', '2s']
    const refused = await paxos(args)
    assert.ok([3, 5, 8].includes(refused.exit), refused.stderr)
    assert.equal(existsSync(file), false)
    const stale = await paxos([...args, '--stale', '--json'])
    assert.equal(stale.exit, 0, stale.stderr)
    const manifest = json(stale)['manifest'] as BackupManifest
    assert.equal(manifest.consistency, 'stale')
    assert.ok(manifest.revision >= (revision ?? Number.POSITIVE_INFINITY))
  })
})
