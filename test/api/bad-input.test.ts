import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startNode, type TestNode } from './node-fixture.ts'

const small = { keyBytesMax: 16, valueBytesMax: 100, requestBytesMax: 200, txnOperationsMax: 2 }

test('keys have 1 byte to the limit', async (t) => {
  const node = await startNode(t, { requestLimits: small })
  for (const method of ['GET', 'PUT', 'DELETE']) {
    const body = method === 'PUT' ? { body: 'v' } : {}
    assert.equal((await node.call(method, '/v1/kv/', body)).status, 400, method)
    assert.equal((await node.call(method, `/v1/kv/${'k'.repeat(17)}`, body)).status, 413, method)
  }
  assert.equal((await node.call('PUT', `/v1/kv/${'%ff'.repeat(16)}`, { body: 'v' })).status, 200)
  assert.equal((await node.call('GET', `/v1/kv/${'%ff'.repeat(16)}`)).status, 200)
})

test('a key may have 1024 bytes, percent-encoded, and not one more', async (t) => {
  const node = await startNode(t)
  assert.equal((await node.call('PUT', `/v1/kv/${'%00'.repeat(1024)}`, { body: 'v' })).status, 200)
  assert.equal((await node.call('PUT', `/v1/kv/${'%00'.repeat(1025)}`, { body: 'v' })).status, 413)
})

test('values are taken at the limit and refused one byte above, announced or not', async (t) => {
  const node = await startNode(t, { requestLimits: small })
  assert.equal((await node.call('PUT', '/v1/kv/k', { body: 'v'.repeat(99) })).status, 200)
  assert.equal((await node.call('PUT', '/v1/kv/k', { body: 'v'.repeat(100) })).status, 200)
  const refused = await node.call('PUT', '/v1/kv/k', { body: 'v'.repeat(101) })
  assert.equal(refused.status, 413)
  assert.equal(refused.json.error.code, 'TOO_LARGE')

  const raw = await node.raw()
  raw.write(
    `PUT /v1/kv/k HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n64\r\n${'c'.repeat(100)}\r\n0\r\n\r\n`,
  )
  await raw.untilText('200 OK')
  raw.write(
    `PUT /v1/kv/k HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n64\r\n${'d'.repeat(100)}\r\n1\r\nd\r\n0\r\n\r\n`,
  )
  await raw.untilText('413 Payload Too Large')
  // The connection is in step again after the refusal.
  raw.write('GET /v1/kv/k HTTP/1.1\r\nhost: x\r\n\r\n')
  await raw.untilText('c'.repeat(100))
})

test('a body that is announced too large is refused before it is sent', async (t) => {
  const node = await startNode(t)
  const raw = await node.raw()
  raw.write('PUT /v1/kv/k HTTP/1.1\r\nhost: x\r\ncontent-length: 1048577\r\n\r\n')
  await raw.untilText('413 Payload Too Large')
  const asking = await node.raw()
  asking.write('PUT /v1/kv/k HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999\r\nexpect: 100-continue\r\n\r\n')
  const answer = await asking.untilText('413 Payload Too Large')
  assert.ok(!answer.includes('100 Continue'))
  const taken = await node.raw()
  taken.write('PUT /v1/kv/k HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\nexpect: 100-continue\r\n\r\n')
  await taken.untilText('100 Continue')
  taken.write('abc')
  await taken.untilText('200 OK')
})

test('a client that writes its whole large body before it reads still sees the refusal', async (t) => {
  const node = await startNode(t)
  const refused = await node.call('PUT', '/v1/kv/k', { body: Buffer.alloc(5 * 1024 * 1024) })
  assert.equal(refused.status, 413)
})

test('a body that is cut short writes nothing', async (t) => {
  const node = await startNode(t)
  const raw = await node.raw()
  raw.write('PUT /v1/kv/k HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf')
  raw.socket.end()
  await raw.closed()
  assert.equal((await node.call('GET', '/v1/kv/k')).status, 404)
  assert.equal(node.replica.submits, 0)
})

test('what follows a body beyond its announced length is not taken for more of it', async (t) => {
  const node = await startNode(t)
  const raw = await node.raw()
  raw.write('PUT /v1/kv/k HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nabcdef')
  const answer = (await raw.closed()).toString('latin1')
  assert.match(answer, /BAD_REQUEST/)
  const got = await node.call('GET', '/v1/kv/k')
  assert.ok(got.status === 404 || got.text === 'ab')
})

test('two lengths, or a length and chunks, are refused', async (t) => {
  const node = await startNode(t)
  for (const head of [
    'content-length: 2\r\ncontent-length: 3',
    'content-length: 2\r\ntransfer-encoding: chunked',
    'content-length: -1',
    'content-length: 2x',
  ]) {
    const raw = await node.raw()
    raw.write(`PUT /v1/kv/k HTTP/1.1\r\nhost: x\r\n${head}\r\n\r\nab`)
    assert.match((await raw.closed()).toString('latin1'), /^HTTP\/1\.1 400 /, head)
  }
  assert.equal(node.replica.submits, 0)
})

test('garbage, huge headers and too many headers get an answer and a closed connection', async (t) => {
  const node = await startNode(t)
  for (const [sent, status] of [
    ['\x16\x03\x01 this is TLS\r\n\r\n', 400],
    ['GET / HTTP/9.9\r\n\r\n', 400],
    ['GET /livez HTTP/1.1\r\n\r\n', 400],
    [`GET /livez HTTP/1.1\r\nhost: x\r\nlong: ${'x'.repeat(9000)}\r\n\r\n`, 431],
    [`GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${'h: 1\r\n'.repeat(62)}\r\n`, 200],
    [`GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${'h: 1\r\n'.repeat(63)}\r\n`, 431],
  ] as const) {
    const raw = await node.raw()
    raw.write(sent)
    const answer = (await raw.closed()).toString('latin1')
    assert.ok(answer.startsWith(`HTTP/1.1 ${status} `), answer)
  }
  assert.equal((await node.call('GET', '/livez')).status, 200)
})

test('a client that sends its headers too slowly is answered 408 and closed', async (t) => {
  const node = await startNode(t)
  const raw = await node.raw()
  raw.write('GET /livez HTTP/1.1\r\nhost: x\r\nslow: ')
  const answer = (await raw.closed()).toString('latin1')
  assert.match(answer, /^HTTP\/1\.1 408 /)
})

test('broken percent-encoding is refused', async (t) => {
  const node = await startNode(t)
  for (const path of ['/v1/kv/a%', '/v1/kv/a%4', '/v1/kv/a%zz', '/v1/kv?prefix=%g0']) {
    assert.equal((await node.call('GET', path)).status, 400, path)
  }
})

test('queries with unknown, doubled, negative, fractional or huge parameters are refused by name', async (t) => {
  const node = await startNode(t)
  for (const [path, named] of [
    ['/v1/kv/k?consistancy=stale', /"consistancy"/],
    ['/v1/kv/k?consistency=fast', /"consistency"/],
    ['/v1/kv/k?revision=1&revision=2', /"revision".*twice/],
    ['/v1/kv/k?revision=-1', /"revision"/],
    ['/v1/kv/k?revision=1.5', /"revision"/],
    ['/v1/kv/k?revision=9007199254740992', /"revision"/],
    ['/v1/kv/k?revision=', /"revision"/],
    ['/v1/kv?limit=0', /"limit"/],
    ['/v1/kv?limit=10001', /"limit"/],
    ['/v1/kv?prefix=a&start=b', /prefix/],
    ['/v1/kv?start=b&end=a', /end/],
    ['/v1/kv?keysOnly=yes', /"keysOnly"/],
    ['/v1/status?x=1', /"x"/],
    ['/v1/log?from=5&to=4', /from/],
    ['/v1/log?follow=1', /"follow"/],
    ['/v1/log/gaps?from=a', /"from"/],
    ['/v1/log/verify?from=2&to=1', /to must not be below from/],
    ['/v1/log/verify?slot=1', /slot/],
    [`/v1/log/verify/content?start=${'k'.repeat(1026)}`, /start has more than 1025 bytes/],
    ['/v1/log/verify/content?revision=-1', /"revision"/],
  ] as const) {
    const answer = await node.call('GET', path)
    assert.equal(answer.status, 400, path)
    assert.match(answer.json.error.message, named, path)
  }
  assert.equal((await node.call('PUT', '/v1/kv/k?ifVersion=0', { body: 'v' })).status, 400)
  assert.equal(node.replica.submits, 0)
})

test('headers that make a write conditional or safe to retry are whole or refused', async (t) => {
  const node = await startNode(t)
  for (const headers of [
    { 'if-version': '-1' },
    { 'if-version': 'x' },
    { 'if-version': '' },
    { 'if-version': '1, 2' },
    { 'paxos-session': '1' },
    { 'paxos-seq': '1' },
    { 'paxos-acked-below': '1' },
    { 'paxos-session': 'one', 'paxos-seq': '1' },
    { 'paxos-session': '1', 'paxos-seq': '0' },
    { 'paxos-session': '1', 'paxos-seq': '1', 'paxos-acked-below': '2' },
  ]) {
    const answer = await node.call('PUT', '/v1/kv/k', { body: 'v', headers: headers as Record<string, string> })
    assert.equal(answer.status, 400, JSON.stringify(headers))
  }
  assert.equal(node.replica.submits, 0)
})

async function txn(node: TestNode, body: string | Uint8Array): Promise<string> {
  const answer = await node.call('POST', '/v1/txn', { body })
  assert.ok(answer.status === 400 || answer.status === 413, `${answer.status} ${answer.text}`)
  return answer.json.error.message
}

test('malformed JSON is refused with the position of the mistake', async (t) => {
  const node = await startNode(t)
  assert.match(await txn(node, ''), /position 0/)
  assert.match(await txn(node, '{'), /position 1/)
  assert.match(await txn(node, '{"then":[}'), /position 9/)
  assert.match(await txn(node, '{"then":[],}'), /position 11/)
  assert.match(await txn(node, '{"then":[]} x'), /position 12/)
  assert.match(await txn(node, '{"then":[01]}'), /position 10/)
  assert.match(await txn(node, '{"then":[],"then":[]}'), /"then" is given twice/)
  assert.match(await txn(node, Buffer.from([0x7b, 0x22, 0xff])), /UTF-8/)
  assert.match(await txn(node, `${'['.repeat(100_000)}`), /nested deeper than 16/)
})

test('JSON of the wrong shape is refused by the name of what is wrong', async (t) => {
  const node = await startNode(t)
  const operation = (json: string) => txn(node, `{"then":[${json}]}`)
  const compare = (json: string) => txn(node, `{"compare":[${json}]}`)
  assert.match(await txn(node, '[]'), /must be a JSON object/)
  assert.match(await txn(node, '{"compares":[]}'), /Unknown field "compares"/)
  assert.match(await txn(node, '{"__proto__":[]}'), /Unknown field "__proto__"/)
  assert.match(await txn(node, '{"then":{}}'), /"then".*list/)
  assert.match(await operation('{}'), /then\[0\] must hold one of/)
  assert.match(await operation('{"get":{"key":"a"},"delete":{"key":"a"}}'), /then\[0\] must hold one of/)
  assert.match(await operation('{"put":{"key":"a"}}'), /"value" is missing/)
  assert.match(await operation('{"put":{"key":"","value":""}}'), /[Kk]ey/)
  assert.match(await operation('{"put":{"key":"a","value":1}}'), /"value".*text/)
  assert.match(await operation('{"put":{"key":"a","value":"","value64":""}}'), /exclude/)
  assert.match(await operation('{"put":{"key":"a","value64":"!"}}'), /base64/)
  assert.match(await operation('{"put":{"key":"a","value":"\\ud800"}}'), /surrogate/)
  assert.match(await operation('{"put":{"key":"a","value":""}},{"put":{"key":"a","value":""}}'), /twice/)
  assert.match(await operation('{"get":{}}'), /needs key/)
  assert.match(await operation('{"get":{"key":"a","prefix":"a"}}'), /needs key/)
  assert.match(await operation('{"get":{"start":"b","end":"a"}}'), /above/)
  assert.match(await operation('{"get":{"key":"a","limit":0}}'), /"limit"/)
  assert.match(await operation('{"delete":{"prefix":""}}'), /prefix/)
  assert.match(await compare('{"key":"a","target":"values","op":"=","operand":1}'), /"target"/)
  assert.match(await compare('{"key":"a","target":"version","op":"==","operand":1}'), /"op"/)
  assert.match(await compare('{"key":"a","target":"version","op":"=","operand":"1"}'), /"operand"/)
  assert.match(await compare('{"key":"a","target":"version","op":"=","operand":1e99}'), /"operand"/)
  assert.match(await compare('{"key":"a","target":"value","op":"=","operand":1}'), /"operand"/)
  assert.match(await compare('{"key":"a","target":"value","op":"="}'), /"operand" is missing/)
  assert.equal(node.replica.submits, 0)
})

test('transactions have as many operations as the limit allows', async (t) => {
  const node = await startNode(t, { requestLimits: small })
  const gets = (n: number) => `{"then":[${Array.from({ length: n }, (_, i) => `{"get":{"key":"${i}"}}`)}]}`
  assert.equal((await node.call('POST', '/v1/txn', { body: gets(2) })).status, 200)
  assert.equal((await node.call('POST', '/v1/txn', { body: gets(3) })).status, 413)
  const value = 'v'.repeat(100)
  const big = `{"then":[{"put":{"key":"a","value":"${value}"}},{"put":{"key":"b","value":"${value}"}}]}`
  assert.equal((await node.call('POST', '/v1/txn', { body: big })).status, 413)
})

test('small bodies are small and hold what they must', async (t) => {
  const node = await startNode(t)
  for (const [method, path, body] of [
    ['POST', '/v1/sessions', '{}'],
    ['POST', '/v1/sessions', '{"ttlMs":1}'],
    ['POST', '/v1/sessions', '{"ttlMs":"60000"}'],
    ['POST', '/v1/compact', '{"revision":-1}'],
    ['POST', '/v1/compact', '{"revision":1,"force":true}'],
    ['PUT', '/v1/log-level', '{"level":"loud"}'],
    ['DELETE', '/v1/sessions/abc', undefined],
    ['POST', '/v1/sessions/99999999999999999999/keepalive', undefined],
    ['GET', '/v1/status', 'a body'],
    ['DELETE', '/v1/kv/k', '{"ifVersion":1}'],
  ] as const) {
    const answer = await node.call(method, path, body === undefined ? {} : { body })
    assert.equal(answer.status, 400, `${method} ${path} ${body}`)
  }
  assert.equal((await node.call('POST', '/v1/compact', { body: ' '.repeat(5000) })).status, 413)
})

test('unknown paths are 404 with a hint, wrong methods 405 with what is allowed', async (t) => {
  const node = await startNode(t)
  for (const path of ['/', '/v1', '/v1/kvs', '/v2/kv/a', '/v1/sessions/1/x', '/v1/__proto__', '/constructor']) {
    const answer = await node.call('GET', path)
    assert.equal(answer.status, 404, path)
    assert.match(answer.json.error.hint, /openapi/)
  }
  for (const [method, path, allow] of [
    ['POST', '/v1/kv/a', 'GET, PUT, DELETE'],
    ['PATCH', '/v1/kv/a', 'GET, PUT, DELETE'],
    ['PUT', '/v1/kv', 'GET, DELETE'],
    ['GET', '/v1/txn', 'POST'],
    ['POST', '/v1/status', 'GET'],
    ['PUT', '/v1/sessions/1', 'DELETE'],
  ] as const) {
    const answer = await node.call(method, path)
    assert.equal(answer.status, 405, `${method} ${path}`)
    assert.equal(answer.headers['allow'], allow)
  }
})

test('bytes beyond what all clients together may send are refused, and the rest goes on', async (t) => {
  const node = await startNode(t, { limits: { inFlightBytesMax: 1000 } })
  node.replica.held = true
  const first = node.call('PUT', '/v1/kv/a', { body: 'v'.repeat(900) })
  const raw = await node.raw()
  while (node.replica.submits === 0) await new Promise(setImmediate)
  raw.write(`PUT /v1/kv/b HTTP/1.1\r\nhost: x\r\ncontent-length: 200\r\n\r\n${'w'.repeat(200)}`)
  await raw.untilText('429 Too Many Requests')
  node.replica.release()
  assert.equal((await first).status, 200)
  raw.write(`PUT /v1/kv/b HTTP/1.1\r\nhost: x\r\ncontent-length: 200\r\n\r\n${'w'.repeat(200)}`)
  await raw.untilText('200 OK')
})

test('connections beyond the limit are closed at once and the others served', async (t) => {
  const node = await startNode(t, { limits: { connectionsMax: 2 } })
  const first = await node.raw()
  const second = await node.raw()
  const third = await node.raw()
  assert.equal((await third.closed()).length, 0)
  for (const raw of [first, second]) {
    raw.write('GET /livez HTTP/1.1\r\nhost: x\r\n\r\n')
    await raw.untilText('{"live":true}')
  }
})
