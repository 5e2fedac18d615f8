import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AdminClient } from '../../src/client/admin.ts'
import { PaxosClient, type PaxosClientOptions } from '../../src/client/client.ts'
import { encodeRequest } from '../../src/machine/command-codec.ts'
import { auditLevel } from '../../src/protocol/feature-level.ts'
import type { AuditRecordJson } from '../../src/wire/audit-types.ts'
import { encodeRequests } from '../../src/wire/client-codec.ts'
import { originOf, put } from '../machine/fixtures.ts'
import { startNode, type TestNode } from './node-fixture.ts'

type Options = NonNullable<Parameters<typeof startNode>[1]>

async function startAudited(t: Parameters<typeof startNode>[0], options: Options = {}): Promise<TestNode> {
  const node = await startNode(t, { auditWrites: true, ...options })
  node.replica.featureLevel = auditLevel
  return node
}

async function recordsOf(node: TestNode, query = ''): Promise<AuditRecordJson[]> {
  return (await node.call('GET', `/v1/audit${query}`)).json.records
}

test('writes over HTTP are recorded with actor, node and address, and who changed a key is answered from that', async (t) => {
  const node = await startAudited(t)
  const headers = { 'paxos-actor': Buffer.from('Zoë@desk').toString('latin1') }
  await node.call('PUT', '/v1/kv/a%ff', { headers, body: '1' })
  await node.call('POST', '/v1/txn', { headers, body: '{"then":[{"put":{"key":"b","value":"1"}}]}' })
  await node.call('DELETE', '/v1/kv?all=true', { headers: { 'paxos-actor': 'ben' } })
  await node.call('DELETE', '/v1/kv/none', { headers })
  const [removed, txn, first] = await recordsOf(node, '?trail=writes')
  assert.equal(first?.actor, 'Zoë@desk')
  assert.deepEqual([first?.node, first?.address, first?.action], ['n1', '127.0.0.1', 'put'])
  assert.deepEqual(first?.keys, [{ key64: 'Yf8=' }])
  assert.deepEqual([txn?.action, txn?.keys], ['txn', [{ key: 'b' }]])
  assert.deepEqual([removed?.action, removed?.actor, removed?.keys], ['delete-range', 'ben', [{ start: '' }]])
  const { json } = await node.call('GET', '/v1/audit/changes?key=a%ff')
  const shown = json.changes.map((change: { kind: string; revision: number; record: AuditRecordJson }) => [
    change.kind,
    change.revision,
    change.record.actor,
  ])
  assert.deepEqual(shown, [
    ['delete', 3, 'ben'],
    ['put', 1, 'Zoë@desk'],
  ])
  const ofKey = await recordsOf(node, '?trail=writes&key=b&limit=5')
  assert.deepEqual(
    ofKey.map(({ action }) => action),
    ['delete-range', 'txn'],
  )
})

test('the client library says who it is, over a port and over the socket', async (t) => {
  const node = await startAudited(t)
  const write = async (options: PaxosClientOptions): Promise<void> => {
    const client = new PaxosClient(options)
    node.closers.push(() => client.close())
    await client.put('k', 'v')
  }
  await write({ endpoints: [node.endpoint], actor: 'ann' })
  await write({ endpoints: [`unix:${node.socketPath}`], actor: 'ben', session: false })
  await write({ endpoints: [node.endpoint] })
  const [third, second, first] = await recordsOf(node, '?trail=writes')
  assert.deepEqual([first?.actor, first?.address], ['ann', '127.0.0.1'])
  assert.deepEqual([second?.actor, second?.address], ['ben', null])
  assert.match(third?.actor ?? '', /.@./)
  assert.throws(() => new PaxosClient({ endpoints: [node.endpoint], actor: 'a\nb' }), { code: 'USAGE' })
  assert.throws(() => new AdminClient({ actor: 'x'.repeat(129) }), { code: 'USAGE' })
})

test('without auditWrites only what operators do is recorded', async (t) => {
  const node = await startAudited(t, { auditWrites: false })
  const headers = { 'paxos-actor': 'ann' }
  await node.call('PUT', '/v1/kv/a', { headers, body: '1' })
  await node.call('POST', '/v1/compact', { headers, body: '{"revision":1}' })
  await node.call('PUT', '/v1/log-level', { headers, body: '{"level":"warn"}' })
  await node.call('GET', '/v1/backup?consistency=stale', { headers })
  await node.call('POST', '/v1/audit', { body: '{"action":"note","detail":"a disk is slow: ä"}' })
  assert.deepEqual(await recordsOf(node, '?trail=writes'), [])
  const shown = (await recordsOf(node)).map(({ action, detail, actor }) => [action, detail, actor])
  assert.deepEqual(shown, [
    ['note', 'a disk is slow: ä', null],
    ['backup', 'stale, up to slot 3', 'ann'],
    ['log-level', 'to warn', 'ann'],
    ['compact', 'to revision 1', 'ann'],
  ])
})

test('below the feature level nothing is said of an origin, and the trail says what to do', async (t) => {
  const node = await startNode(t, { auditWrites: true })
  const headers = { 'paxos-actor': 'ann' }
  await node.call('PUT', '/v1/kv/a', { headers, body: '1' })
  await node.call('POST', '/v1/compact', { headers, body: '{"revision":1}' })
  await node.call('PUT', '/v1/log-level', { headers, body: '{"level":"warn"}' })
  const plain = encodeRequest({ session: undefined, command: put('a', '1') })
  assert.ok(Buffer.from(node.log.entries[0]?.payload ?? []).includes(Buffer.from(plain)))
  assert.equal(node.log.entries.length, 2)
  for (const [method, path, body] of [
    ['GET', '/v1/audit', undefined],
    ['GET', '/v1/audit/changes?key=a', undefined],
    ['POST', '/v1/audit', '{"action":"note","detail":"x"}'],
  ] as const) {
    const { status, json } = await node.call(method, path, body === undefined ? {} : { body })
    assert.equal(status, 412, path)
    assert.match(json.error.message, /feature level 1, and has one from level 2 on/)
    assert.match(json.error.hint, /upgrade finalize/)
  }
})

test('an actor with control characters, or too long, or that is no text, is refused', async (t) => {
  const node = await startAudited(t)
  for (const actor of ['x'.repeat(129), '\xff', Buffer.from('a\u202eb').toString('latin1'), '\x85']) {
    const { status, json } = await node.call('PUT', '/v1/kv/a', { headers: { 'paxos-actor': actor }, body: '1' })
    assert.deepEqual([status, json.error.code], [400, 'BAD_REQUEST'], actor)
  }
  assert.equal(node.log.entries.length, 0)
  const connection = await node.raw()
  const upgrade = 'connection: Upgrade\r\nupgrade: paxos-client/1\r\npaxos-actor: \xff\r\n\r\n'
  connection.write(Buffer.from(`GET /v1/stream HTTP/1.1\r\nhost: n\r\n${upgrade}`, 'latin1'))
  const answered = await connection.untilText('UTF-8')
  assert.match(answered.toString('latin1'), /^HTTP\/1\.1 400 /)
})

test('nobody outside makes records by writing them into a request', async (t) => {
  const node = await startAudited(t)
  const forged = encodeRequest({ session: undefined, command: put('a', '1'), origin: originOf('eve') })
  const connection = await node.raw()
  connection.write('GET /v1/stream HTTP/1.1\r\nhost: n\r\nconnection: Upgrade\r\nupgrade: paxos-client/1\r\n\r\n')
  await connection.untilText('\r\n\r\n')
  connection.write(encodeRequests([{ kind: 'submit', id: 1, timeoutMs: 1000, request: forged }]))
  await connection.untilText('for the node that takes it to say')
  assert.equal(node.log.entries.length, 0)
})
