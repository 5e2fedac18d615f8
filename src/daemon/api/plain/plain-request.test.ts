import assert from 'node:assert/strict'
import { test } from 'node:test'
import { httpLimits } from '../http-limits.ts'
import { LastHeaders, readPlainRequest } from './plain-request.ts'

function bytes(text: string): Buffer {
  return Buffer.from(text.replaceAll('\n', '\r\n'), 'latin1')
}

test('a plain request is read whole, with the headers that mean something', () => {
  const sent = bytes(
    'PUT /v1/kv/a%2Fb?x=1 HTTP/1.1\nHost: h\nUser-Agent: x/1\nIf-Version:  7 \nContent-Length: 3\nconnection: Keep-Alive\n\nabcGET',
  )
  const read = readPlainRequest(sent)
  assert.ok(typeof read === 'object')
  assert.deepEqual([read.method, read.target, read.bytes], ['PUT', '/v1/kv/a%2Fb?x=1', sent.length - 3])
  assert.deepEqual(read.headers, { 'if-version': '7', 'content-length': '3' })
  assert.equal(Buffer.from(read.body).toString(), 'abc')
})

test('any beginning of a plain request is a part of one, and says what it lacks once the head is there', () => {
  const sent = bytes('DELETE /v1/kv/k HTTP/1.1\nhost: h\ncontent-length: 2\n\nab')
  for (let end = 0; end < sent.length; end++) {
    const needed = end < sent.length - 2 ? end + 1 : sent.length
    assert.equal(readPlainRequest(sent.subarray(0, end)), needed)
  }
  assert.ok(typeof readPlainRequest(sent) === 'object')
})

const line = 'PUT /v1/kv/k HTTP/1.1\n'
for (const [what, text] of [
  ['another path', 'GET /v1/status HTTP/1.1\nhost: h\n\n'],
  ['no key', 'GET /v1/kv/ HTTP/1.1\nhost: h\n\n'],
  ['another method', 'POST /v1/kv/k HTTP/1.1\nhost: h\n\n'],
  ['a method in small letters', 'get /v1/kv/k HTTP/1.1\nhost: h\n\n'],
  ['another version', 'GET /v1/kv/k HTTP/1.0\nhost: h\n\n'],
  ['a whole address', 'GET http://h/v1/kv/k HTTP/1.1\nhost: h\n\n'],
  ['a fragment', 'GET /v1/kv/k#f HTTP/1.1\nhost: h\n\n'],
  ['two spaces', 'GET  /v1/kv/k HTTP/1.1\nhost: h\n\n'],
  ['an empty line before', '\nGET /v1/kv/k HTTP/1.1\nhost: h\n\n'],
  ['no headers', 'GET /v1/kv/k HTTP/1.1\n\n'],
  ['no host', `${line}accept: x\n\n`],
  ['two hosts', `${line}host: h\nhost: h\n\n`],
  ['two lengths', `${line}host: h\ncontent-length: 1\ncontent-length: 1\n\na`],
  ['the same header twice', `${line}host: h\nif-version: 1\nIF-VERSION: 1\n\n`],
  ['a length with a sign', `${line}host: h\ncontent-length: +1\n\na`],
  ['a length with a zero before it', `${line}host: h\ncontent-length: 01\n\na`],
  ['no length', `${line}host: h\ncontent-length:\n\n`],
  ['chunks', `${line}host: h\ntransfer-encoding: chunked\n\n`],
  ['an upgrade', `${line}host: h\nconnection: Upgrade\nupgrade: x\n\n`],
  ['the end of the connection', `${line}host: h\nconnection: close\n\n`],
  ['a wait for 100', `${line}host: h\nexpect: 100-continue\n\n`],
  ['a space before a colon', `${line}host : h\n\n`],
  ['a folded line', `${line}host: h\n x\n\n`],
  ['a tab', `${line}host:\th\n\n`],
  ['a byte beyond ASCII', `${line}host: h\npaxos-actor: \xe4\n\n`],
  ['a NUL', `${line}host: h\0\n\n`],
  ['a line without a colon', `${line}host: h\nx\n\n`],
  ['a header without a name', `${line}host: h\n: x\n\n`],
  ['too many headers', `${line}host: h\n${'h: 1\n'.repeat(64)}\n`],
  ['a large head', `${line}host: ${'h'.repeat(9000)}\n\n`],
  ['a large head that is not whole', `${line}host: ${'h'.repeat(9000)}`],
  ['a large body', `${line}host: h\ncontent-length: ${httpLimits.plainRequestBytesMax}\n\n`],
  ['the beginning of TLS', '\x16\x03\x01'],
  ['the beginning of another path', 'GET /v1/s'],
  ['the beginning of another method', 'HEL'],
  ['lines without carriage returns', 'GET /livez'],
  ['a proxy that closes', `${line}host: h\nproxy-connection: close\n\n`],
] as const) {
  test(`not plain: ${what}`, () => {
    assert.equal(readPlainRequest(bytes(text)), 'other')
  })
}

test('a line that ends without a carriage return is not plain', () => {
  assert.equal(readPlainRequest(Buffer.from('GET /v1/kv/k HTTP/1.1\r\nhost: h\naccept: x\r\n\r\n')), 'other')
  assert.equal(readPlainRequest(Buffer.from('GET /v1/kv/k HTTP/1.1\r\nhost: h\rx\r\n\r\n')), 'other')
})

test('headers that come again are those of this request, and others are read anew', () => {
  const last = new LastHeaders()
  const read = (text: string): unknown => {
    const request = readPlainRequest(bytes(text), last)
    return typeof request === 'object' ? [request.target, request.headers] : request
  }
  const first = 'PUT /v1/kv/a HTTP/1.1\nhost: h\nif-version: 1\n\n'
  assert.deepEqual(read(first), ['/v1/kv/a', { 'if-version': '1' }])
  assert.deepEqual(read(first.replace('/a', '/b')), ['/v1/kv/b', { 'if-version': '1' }])
  assert.deepEqual(read(first.replace(': 1', ': 2')), ['/v1/kv/a', { 'if-version': '2' }])
  assert.equal(read(first.replace('if-version', 'connection')), 'other')
  assert.equal(read(first.replace('if-version', 'connection')), 'other')
  assert.equal(read('PUT /v1/kv/a HTTP/1.1\n\n'), 'other')
  const long = `PUT /v1/kv/a HTTP/1.1\nhost: h\nx: ${'x'.repeat(2000)}\nif-version: 3\n\n`
  for (let again = 0; again < 2; again++) assert.deepEqual(read(long), ['/v1/kv/a', { 'if-version': '3' }])
  assert.deepEqual(read(first), ['/v1/kv/a', { 'if-version': '1' }])
})
