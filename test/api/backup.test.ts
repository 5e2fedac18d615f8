import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { ServerResponse } from 'node:http'
import { type TestContext, test } from 'node:test'
import { BackupReader } from '../../src/daemon/backup/backup-reader.ts'
import { toNodeId, toSlot } from '../../src/protocol/ids.ts'
import type { BackupManifest } from '../../src/wire/backup-manifest.ts'
import { until } from '../cluster/until.ts'
import { startNode, type TestNode } from './node-fixture.ts'

function manifestOf(bytes: Uint8Array): BackupManifest {
  const reader = new BackupReader({ name: 'the answer' })
  reader.push(bytes)
  return reader.finishFull()
}

async function closed(node: TestNode): Promise<void> {
  await until('the snapshot is closed', 10_000, () => node.replica.openSnapshots === 0)
}

/** A node with so much data that no socket takes it all at once. */
async function startFullNode(t: TestContext): Promise<TestNode> {
  const node = await startNode(t)
  for (let n = 0; n < 40; n++) {
    await node.call('PUT', `/v1/kv/${n}`, { body: randomBytes(1024 * 1024) })
  }
  return node
}

test('GET /v1/backup is a whole backup of what the node has', async (t) => {
  const node = await startNode(t)
  await node.call('PUT', '/v1/kv/a', { body: '1' })
  await node.call('PUT', '/v1/kv/a', { body: '2' })
  await node.call('POST', '/v1/sessions', { body: '{"ttlMs":60000}' })
  const { status, bytes, headers } = await node.call('GET', '/v1/backup')
  assert.equal(status, 200)
  assert.equal(headers['content-type'], 'application/octet-stream')
  const { clusterId, node: name, group, epoch, revision, keys, history, sessions, consistency } = manifestOf(bytes)
  assert.deepEqual(
    { clusterId, name, group, epoch, revision, keys, history, sessions, consistency },
    {
      ...{ clusterId: 'c1', name: 'n1', group: '0', epoch: 1, revision: 2 },
      ...{ keys: 1, history: 1, sessions: 1, consistency: 'linearizable' },
    },
  )
  await closed(node)
})

test('an empty store gives an empty backup', async (t) => {
  const node = await startNode(t)
  const manifest = manifestOf((await node.call('GET', '/v1/backup')).bytes)
  assert.deepEqual([manifest.revision, manifest.entries, manifest.chunks], [0, 0, 0])
})

test('without a quorum only a stale backup is given', async (t) => {
  const node = await startNode(t)
  await node.call('PUT', '/v1/kv/a', { body: '1' })
  node.replica.failure = { code: 'NO_QUORUM', apply: false }
  const { status, json } = await node.call('GET', '/v1/backup')
  assert.equal(status, 503)
  assert.equal(json.error.code, 'NO_QUORUM')
  assert.match(json.error.hint, /--stale/)
  const stale = manifestOf((await node.call('GET', '/v1/backup?consistency=stale')).bytes)
  assert.deepEqual([stale.consistency, stale.keys], ['stale', 1])
})

test('a node that misses the data gives none, however stale', async (t) => {
  const node = await startNode(t)
  node.log.truncatedUpTo = 5
  const { status, json } = await node.call('GET', '/v1/backup?consistency=stale')
  assert.deepEqual([status, json.error.code], [429, 'OVERLOADED'])
  assert.match(json.error.message, /data of the machine is missing/)
})

test('a node whose data differ says that it is not well, not that it is busy', async (t) => {
  const node = await startNode(t)
  node.replica.diverged = [{ node: toNodeId(1), first: { from: toSlot(0), to: toSlot(1) }, isMinority: true }]
  const { status, json } = await node.call('GET', '/v1/backup?consistency=stale')
  assert.deepEqual([status, json.error.code], [503, 'UNHEALTHY'])
})

test('a reader that leaves the end of a backup in its socket has no place any more', async (t) => {
  const node = await startNode(t)
  await node.call('PUT', '/v1/kv/a', { body: '1' })
  // As when the end does not fit into what the system keeps for a reader that has stopped.
  const end = t.mock.method(ServerResponse.prototype, 'end', () => {})
  const readers = [await node.raw(), await node.raw()]
  for (const reader of readers) reader.socket.write('GET /v1/backup HTTP/1.1\r\nhost: x\r\n\r\n')
  await until('both are at the end', 10_000, () => end.mock.callCount() === 2)
  end.mock.restore()
  await closed(node)
  assert.equal((await node.call('GET', '/v1/backup')).status, 200)
})

test('a third backup at a time is refused, and a place is free again when a reader goes', async (t) => {
  const node = await startFullNode(t)
  const readers = [await node.raw(), await node.raw()]
  for (const reader of readers) reader.socket.pause()
  for (const reader of readers) reader.socket.write('GET /v1/backup HTTP/1.1\r\nhost: x\r\n\r\n')
  await until('two are reading', 10_000, () => node.replica.openSnapshots === 2)
  const { status, json } = await node.call('GET', '/v1/backup')
  assert.deepEqual([status, json.error.code], [429, 'OVERLOADED'])
  for (const reader of readers) reader.socket.destroy()
  await closed(node)
  assert.equal((await node.call('GET', '/v1/backup')).status, 200)
})
