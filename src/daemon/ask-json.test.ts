import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net'
import { type TestContext, test } from 'node:test'
import { askJson, type JsonAnswer } from './ask-json.ts'

async function ask(t: TestContext, server: Server, withinMs = 5000): Promise<JsonAnswer> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => void server.close())
  return await askJson(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, withinMs)
}

function answering(t: TestContext, listener: RequestListener, withinMs?: number): Promise<JsonAnswer> {
  const server = createServer(listener)
  t.after(() => server.closeAllConnections())
  return ask(t, server, withinMs)
}

test('a document is given with the status it came with', async (t) => {
  const found = await answering(t, (_, response) => response.writeHead(426).end('{"a":1}'))
  assert.deepEqual(found, { kind: 'json', status: 426, body: { a: 1 } })
})

test('what is no JSON is said to be none', async (t) => {
  const found = await answering(t, (_, response) => response.end('<html>'))
  assert.deepEqual(found, { kind: 'other', what: 'it sent HTTP 200 without JSON' })
})

test('nobody is sent elsewhere', async (t) => {
  let asked = 0
  const found = await answering(t, (_, response) => {
    asked++
    response.writeHead(302, { Location: '/elsewhere' }).end()
  })
  assert.deepEqual([found, asked], [{ kind: 'other', what: 'it sent HTTP 302 without JSON' }, 1])
})

test('an answer without an end is cut off', async (t) => {
  let isClosed: Promise<unknown> = Promise.resolve()
  const found = await answering(t, (_, response) => {
    isClosed = once(response, 'close')
    const more = (): void => {
      while (!response.destroyed && response.write(' '.repeat(10_000)));
    }
    response.on('drain', more)
    more()
  })
  assert.deepEqual(found, { kind: 'other', what: 'it sent more than 65536 bytes' })
  await isClosed
})

test('an answer that never ends is waited for no longer than is said', async (t) => {
  const found = await answering(t, (_, response) => response.write('{'), 100)
  assert.deepEqual(found, { kind: 'silent', reason: 'no answer within 100 ms' })
})

test('a server of something else is told from one that is not there', async (t) => {
  const server = createTcpServer((socket) =>
    socket
      .on('error', () => {})
      .resume()
      .end('SSH-2.0-OpenSSH_9.9\r\n'),
  )
  assert.deepEqual(await ask(t, server), { kind: 'other', what: 'it does not speak HTTP' })
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  assert.deepEqual(await askJson(`http://127.0.0.1:${port}/`, 5000), { kind: 'silent', reason: 'ECONNREFUSED' })
})
