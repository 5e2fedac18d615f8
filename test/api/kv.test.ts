import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startNode } from './node-fixture.ts'

test('a value written is read back byte for byte, with its revisions in headers', async (t) => {
  const node = await startNode(t)
  const value = Buffer.from([0, 255, 10, 13, 128])
  const put = await node.call('PUT', '/v1/kv/a', { body: value })
  assert.deepEqual(put.json, { revision: 1, version: 1, slot: 0, group: '0' })
  await node.call('PUT', '/v1/kv/b', { body: 'other' })
  const got = await node.call('GET', '/v1/kv/a')
  assert.deepEqual(got.bytes, value)
  assert.equal(got.headers['paxos-revision'], '2')
  assert.equal(got.headers['paxos-create-revision'], '1')
  assert.equal(got.headers['paxos-mod-revision'], '1')
  assert.equal(got.headers['paxos-version'], '1')
})

test('an empty value is a value', async (t) => {
  const node = await startNode(t)
  await node.call('PUT', '/v1/kv/empty', { body: '' })
  const got = await node.call('GET', '/v1/kv/empty')
  assert.equal(got.status, 200)
  assert.equal(got.bytes.length, 0)
})

test('keys hold slashes, NULs and bytes that are not UTF-8', async (t) => {
  const node = await startNode(t)
  const keys = ['/v1/kv/a/b/c', '/v1/kv/a%2Fb%2Fd', '/v1/kv/%00', '/v1/kv/%ff%FE', '/v1/kv//', '/v1/kv/%C3%A9']
  for (const key of keys) assert.equal((await node.call('PUT', key, { body: key })).status, 200)
  for (const key of keys) assert.equal((await node.call('GET', key)).text, key)
  assert.equal((await node.call('GET', '/v1/kv/a%2fb%2fc')).text, '/v1/kv/a/b/c')
  const { items } = (await node.call('GET', '/v1/kv')).json
  const shown = items.map((item: { key?: string; key64?: string }) => item.key ?? { base64: item.key64 })
  assert.deepEqual(shown, ['\0', '/', 'a/b/c', 'a/b/d', 'é', { base64: '//4=' }])
})

test('a key that does not exist is 404, and says at which revision', async (t) => {
  const node = await startNode(t)
  const got = await node.call('GET', '/v1/kv/none')
  assert.equal(got.status, 404)
  assert.equal(got.json.error.code, 'KEY_NOT_FOUND')
  assert.equal(got.headers['paxos-revision'], '0')
})

test('the past can be read until it is compacted', async (t) => {
  const node = await startNode(t)
  for (const body of ['one', 'two', 'three']) await node.call('PUT', '/v1/kv/k', { body })
  assert.equal((await node.call('GET', '/v1/kv/k?revision=1')).text, 'one')
  assert.equal((await node.call('GET', '/v1/kv/k?revision=2&consistency=stale')).text, 'two')
  const compacted = await node.call('POST', '/v1/compact', { body: '{"revision":3}' })
  assert.equal(compacted.json.compacted, 3)
  assert.equal((await node.call('GET', '/v1/kv/k?revision=1')).status, 410)
  assert.equal((await node.call('GET', '/v1/kv/k?revision=99')).status, 400)
})

test('if-version writes only what it expects', async (t) => {
  const node = await startNode(t)
  const put = (version: string) => node.call('PUT', '/v1/kv/k', { body: 'v', headers: { 'if-version': version } })
  assert.equal((await put('0')).status, 200)
  const refused = await put('0')
  assert.equal(refused.status, 412)
  assert.equal(refused.json.error.code, 'PRECONDITION_FAILED')
  assert.equal((await put('1')).json.version, 2)
  const wrong = await node.call('DELETE', '/v1/kv/k', { headers: { 'if-version': '1' } })
  assert.equal(wrong.status, 412)
  const right = await node.call('DELETE', '/v1/kv/k', { headers: { 'if-version': '2' } })
  assert.equal(right.json.deleted, 1)
  assert.equal((await node.call('DELETE', '/v1/kv/k')).json.deleted, 0)
})

test('lists are in byte order, bounded, and say that there is more', async (t) => {
  const node = await startNode(t)
  for (const key of ['a1', 'a2', 'a3', 'b1']) await node.call('PUT', `/v1/kv/${key}`, { body: key })
  const keys = async (query: string): Promise<unknown> => {
    const { json } = await node.call('GET', `/v1/kv?${query}`)
    return [json.items.map((item: { key: string }) => item.key), json.more]
  }
  assert.deepEqual(await keys('prefix=a'), [['a1', 'a2', 'a3'], false])
  assert.deepEqual(await keys('prefix=a&limit=2'), [['a1', 'a2'], true])
  assert.deepEqual(await keys('start=a2&end=b1'), [['a2', 'a3'], false])
  assert.deepEqual(await keys('end=a2'), [['a1'], false])
  assert.deepEqual(await keys('start=a3'), [['a3', 'b1'], false])
  assert.deepEqual(await keys('revision=2'), [['a1', 'a2'], false])
  const only = (await node.call('GET', '/v1/kv?keysOnly=true&limit=1')).json.items[0]
  assert.equal('value' in only, false)
})

test('a range is deleted at once, and everything only with all=true', async (t) => {
  const node = await startNode(t)
  for (const key of ['a1', 'a2', 'b1', 'c1']) await node.call('PUT', `/v1/kv/${key}`, { body: key })
  assert.equal((await node.call('DELETE', '/v1/kv?prefix=a')).json.deleted, 2)
  assert.equal((await node.call('DELETE', '/v1/kv?start=b&end=c')).json.deleted, 1)
  for (const query of ['', '?prefix=', '?start=', '?all=false']) {
    const refused = await node.call('DELETE', `/v1/kv${query}`)
    assert.equal(refused.status, 400, query)
    assert.match(refused.json.error.hint, /all=true/)
  }
  assert.equal((await node.call('DELETE', '/v1/kv?all=true')).json.deleted, 1)
})

test('a transaction compares and does one of its branches in one revision', async (t) => {
  const node = await startNode(t)
  await node.call('PUT', '/v1/kv/a', { body: 'old' })
  const txn = {
    compare: [
      { key: 'a', target: 'value', op: '=', operand: 'old' },
      { key: 'b', target: 'version', op: '=', operand: 0 },
    ],
    // biome-ignore lint/suspicious/noThenProperty: the word of the API; never awaited.
    then: [
      { put: { key: 'a', value64: Buffer.from([255]).toString('base64') } },
      { put: { key64: Buffer.from([254]).toString('base64'), value: 'bytes' } },
      { get: { key: 'a' } },
      { get: { start: 'a', limit: 1 } },
      { delete: { prefix: 'a' } },
    ],
    else: [{ get: { key: 'a' } }],
  }
  const done = (await node.call('POST', '/v1/txn', { body: JSON.stringify(txn) })).json
  assert.equal(done.succeeded, true)
  assert.equal(done.revision, 2)
  assert.deepEqual(done.results[0], { put: { version: 2 } })
  assert.equal(done.results[2].get.items[0].value64, '/w==')
  assert.equal(done.results[3].get.more, true)
  assert.deepEqual(done.results[4], { delete: { deleted: 1 } })
  const again = (await node.call('POST', '/v1/txn', { body: JSON.stringify(txn) })).json
  assert.equal(again.succeeded, false)
  assert.deepEqual(again.results, [{ get: { items: [], more: false } }])
})

test('a retry with the same session and seq is answered as before and not done again', async (t) => {
  const node = await startNode(t)
  const session = (await node.call('POST', '/v1/sessions', { body: '{"ttlMs":60000}' })).json
  const headers = { 'paxos-session': session.id, 'paxos-seq': '1' }
  const first = await node.call('PUT', '/v1/kv/k', { body: 'v', headers })
  const second = await node.call('PUT', '/v1/kv/k', { body: 'v', headers })
  assert.deepEqual(second.json, first.json)
  assert.equal((await node.call('GET', '/v1/kv/k')).headers['paxos-version'], '1')
  const acked = { 'paxos-session': session.id, 'paxos-seq': '2', 'paxos-acked-below': '2' }
  assert.equal((await node.call('DELETE', '/v1/kv/k', { headers: acked })).status, 200)
  assert.equal((await node.call('PUT', '/v1/kv/k', { body: 'v', headers })).status, 400)
})

test('a session is kept alive, closed, and unknown afterwards', async (t) => {
  const node = await startNode(t)
  const { id } = (await node.call('POST', '/v1/sessions', { body: '{"ttlMs":5000}' })).json
  assert.equal((await node.call('GET', '/v1/status')).json.groups[0].sessions, 1)
  assert.equal((await node.call('POST', `/v1/sessions/${id}/keepalive`)).json.id, id)
  assert.equal((await node.call('DELETE', `/v1/sessions/${id}`)).status, 200)
  const gone = await node.call('POST', `/v1/sessions/${id}/keepalive`)
  assert.equal(gone.status, 410)
  assert.equal(gone.json.error.code, 'SESSION_EXPIRED')
})

test('failures below have the status and the hint of their code', async (t) => {
  const node = await startNode(t)
  const statuses = { NO_LEADER: 503, NO_QUORUM: 503, OVERLOADED: 429, STOPPING: 503, OUTCOME_UNKNOWN: 504 } as const
  for (const code of ['NO_LEADER', 'NO_QUORUM', 'OVERLOADED', 'STOPPING', 'OUTCOME_UNKNOWN'] as const) {
    node.replica.failure = { code, apply: false }
    const put = await node.call('PUT', '/v1/kv/k', { body: 'v' })
    assert.equal(put.status, statuses[code])
    assert.equal(put.json.error.code, code)
    assert.equal(typeof put.json.error.hint, 'string')
    if (code !== 'OUTCOME_UNKNOWN') assert.equal((await node.call('GET', '/v1/kv/k')).status, statuses[code])
  }
})
