import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PaxosError } from '../../src/base/error.ts'
import { PaxosClient, type PaxosClientOptions } from '../../src/client/client.ts'
import { startNode, type TestNode } from './node-fixture.ts'

async function startClient(
  t: import('node:test').TestContext,
  options: Partial<PaxosClientOptions> = {},
): Promise<{ node: TestNode; client: PaxosClient }> {
  const node = await startNode(t)
  const client = new PaxosClient({ endpoints: [node.endpoint], ...options })
  node.closers.push(() => client.close())
  return { node, client }
}

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof PaxosError, String(error))
    assert.equal(error.code, code, error.message)
    return true
  }
}

test('what is put is got, with its revisions', async (t) => {
  const { client } = await startClient(t)
  assert.deepEqual(await client.put('k', 'v'), { revision: 1, version: 1, slot: 1 })
  await client.put(new Uint8Array([255]), new Uint8Array([0, 254]))
  const got = await client.get('k')
  assert.deepEqual([got?.keyText(), got?.text(), got?.createRevision, got?.version], ['k', 'v', 1, 1])
  assert.deepEqual((await client.get(new Uint8Array([255])))?.value, new Uint8Array([0, 254]))
  assert.equal(await client.get('none'), undefined)
  assert.equal(await client.get('k', { consistency: 'stale', revision: 0 }), undefined)
})

test('deletes, lists, transactions and compaction work as over HTTP', async (t) => {
  const { client } = await startClient(t)
  for (const key of ['a1', 'a2', 'a3', 'b']) await client.put(key, key)
  const page = await client.list({ prefix: 'a', limit: 2 })
  assert.deepEqual([page.items.map((item) => item.keyText()), page.more, page.revision], [['a1', 'a2'], true, 4])
  assert.deepEqual(
    (await client.list({ start: 'a3', keysOnly: true })).items.map((item) => item.value.length),
    [0, 0],
  )
  assert.equal((await client.list()).items.length, 4)
  const done = await client.txn({
    compare: [{ key: 'a1', target: 'value', op: '=', operand: 'a1' }],
    // biome-ignore lint/suspicious/noThenProperty: the word of the API; never awaited.
    then: [{ put: { key: 'a1', value: 'new' } }, { get: { key: 'a1' } }, { delete: { prefix: 'a' } }],
    else: [{ get: { key: 'a1' } }],
  })
  assert.equal(done.succeeded, true)
  const [, got, deleted] = done.results
  assert.ok(got !== undefined && 'get' in got)
  assert.equal(got.get.items[0]?.text(), 'new')
  assert.deepEqual(deleted, { delete: { deleted: 3 } })
  assert.equal((await client.delete('b')).deleted, 1)
  assert.equal((await client.compact(3)).compacted, 3)
  await assert.rejects(client.get('a1', { revision: 1 }), hasCode('COMPACTED'))
  await client.put('z', 'z')
  assert.equal((await client.deleteRange({ all: true })).deleted, 1)
})

test('what the machine refuses is an error with its code', async (t) => {
  const { client } = await startClient(t)
  await client.put('k', 'v', { ifVersion: 0 })
  await assert.rejects(client.put('k', 'v', { ifVersion: 0 }), hasCode('PRECONDITION_FAILED'))
  await assert.rejects(client.delete('k', { ifVersion: 5 }), hasCode('PRECONDITION_FAILED'))
  await assert.rejects(client.put('', 'v'), hasCode('BAD_REQUEST'))
  await assert.rejects(client.put('k'.repeat(1025), 'v'), hasCode('TOO_LARGE'))
  await assert.rejects(client.put('k', new Uint8Array(1024 * 1024 + 1)), hasCode('TOO_LARGE'))
  await assert.rejects(client.put('k', new Uint8Array(20 * 1024 * 1024)), hasCode('TOO_LARGE'))
  await assert.rejects(client.put('\ud800', 'v'), hasCode('BAD_REQUEST'))
  await assert.rejects(client.get(''), hasCode('BAD_REQUEST'))
  await assert.rejects(client.list({ prefix: 'a', start: 'b' }), hasCode('BAD_REQUEST'))
  await assert.rejects(client.deleteRange({}), hasCode('BAD_REQUEST'))
  await assert.rejects(client.deleteRange({ prefix: '' }), hasCode('BAD_REQUEST'))
  await client.put('k', new Uint8Array(1024 * 1024))
  assert.equal((await client.get('k'))?.value.length, 1024 * 1024)
})

test('10,000 puts at once are all done, each once, over one connection', async (t) => {
  const { node, client } = await startClient(t, { maxInFlight: 100_000 })
  const puts = Array.from({ length: 10_000 }, (_, i) => client.put(`k${i % 100}`, String(i)))
  const results = await Promise.all(puts)
  assert.equal(new Set(results.map((result) => result.revision)).size, 10_000)
  const { items } = await client.list()
  assert.equal(items.length, 100)
  assert.ok(items.every((item) => item.version === 100))
  assert.equal(node.log.applied, 10_001)
})

test('requests beyond maxInFlight wait in the client', async (t) => {
  const { node, client } = await startClient(t, { maxInFlight: 10 })
  await client.put('first', 'v')
  node.replica.held = true
  const before = node.replica.submits
  const puts = Array.from({ length: 30 }, (_, i) => client.put(`k${i}`, 'v'))
  while (node.replica.submits < before + 10) await new Promise(setImmediate)
  await new Promise(setImmediate)
  assert.equal(node.replica.submits, before + 10)
  node.replica.release()
  await Promise.all(puts)
})

test('a request whose timeout makes no sense takes no place from others', async (t) => {
  const { client } = await startClient(t, { maxInFlight: 1 })
  await assert.rejects(client.put('k', 'v', { timeoutMs: 0 }), hasCode('USAGE'))
  await assert.rejects(client.get('k', { timeoutMs: Number.NaN }), hasCode('USAGE'))
  assert.equal((await client.put('k', 'v')).version, 1)
  await client.close()
})

test('without a session requests are not numbered, and no session is opened', async (t) => {
  const { node, client } = await startClient(t, { session: false })
  await client.put('k', 'v')
  assert.equal(node.log.machine.sessions, 0)
})

test('close waits for what runs, closes the session and lets nothing more in', async (t) => {
  const { node, client } = await startClient(t)
  await client.put('k', '0')
  assert.equal(node.log.machine.sessions, 1)
  const running = client.put('k', '1')
  const closed = client.close()
  assert.equal((await running).version, 2)
  await closed
  assert.equal(node.log.machine.sessions, 0)
  await assert.rejects(client.put('k', '2'), hasCode('STOPPING'))
  await assert.rejects(client.get('k'), hasCode('STOPPING'))
})

test('a client that never connected says so at once, and names the endpoint', async (t) => {
  const node = await startNode(t)
  await node.server.stop(0)
  const client = new PaxosClient({ endpoints: [node.endpoint, 'unix:/nowhere/paxos.sock'] })
  node.closers.push(() => client.close())
  const startedAt = performance.now()
  await assert.rejects(client.put('k', 'v'), hasCode('CANNOT_CONNECT'))
  await assert.rejects(client.get('k'), (error) => /paxos.sock|127.0.0.1/.test(String(error)))
  assert.ok(performance.now() - startedAt < 2000)
})

test('the unix socket serves the client too', async (t) => {
  const node = await startNode(t)
  const client = new PaxosClient({ endpoints: [`unix:${node.socketPath}`] })
  node.closers.push(() => client.close())
  await client.put('k', 'v')
  assert.equal((await client.get('k'))?.text(), 'v')
})

test('endpoints and options that make no sense are refused when the client is made', () => {
  const make = (options: PaxosClientOptions) => () => new PaxosClient(options)
  for (const endpoint of ['localhost:7601', 'https://x:1', 'http://x/path', 'http://u@x', 'unix:relative', '']) {
    assert.throws(make({ endpoints: [endpoint] }), hasCode('USAGE'), endpoint)
  }
  assert.throws(make({ endpoints: [] }), hasCode('USAGE'))
  assert.throws(make({ endpoints: ['http://x:1'], timeoutMs: 0 }), hasCode('USAGE'))
  assert.throws(make({ endpoints: ['http://x:1'], maxInFlight: Number.NaN }), hasCode('USAGE'))
})
