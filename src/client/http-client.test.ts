import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createNetServer, type Server, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { parseEndpoint } from './endpoint.ts'
import { HttpClient, SilenceError } from './http-client.ts'

async function clientOf(t: TestContext, server: Server, timeoutMs = 5000): Promise<HttpClient> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => sockets.add(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const client = new HttpClient(parseEndpoint(`http://127.0.0.1:${port}`), timeoutMs)
  t.after(() => {
    client.close()
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return client
}

const serve = (listener: RequestListener): Server => createServer(listener)

test('requests one after another share a connection, with what they say', async (t) => {
  const ports = new Set<number | undefined>()
  const server = serve((request, response) => {
    ports.add(request.socket.remotePort)
    void text(request).then((body) => response.end(`${request.method} ${request.url} ${request.headers['x']} ${body}`))
  })
  const client = await clientOf(t, server)
  for (let at = 0; at < 3; at++) {
    const { status, body } = await client.request({
      method: 'POST',
      path: `/p?n=${at}`,
      headers: { x: 'y' },
      body: 'b',
    })
    assert.deepEqual([status, await text(body)], [200, `POST /p?n=${at} y b`])
  }
  assert.equal(ports.size, 1)
})

test('a server that says nothing, and one that stops in the middle, are given up', async (t) => {
  const silent = await clientOf(
    t,
    serve(() => undefined),
    100,
  )
  await assert.rejects(silent.request({ method: 'GET', path: '/', headers: {} }), (error: unknown) => {
    return error instanceof SilenceError && error.connected
  })
  const halting = await clientOf(
    t,
    serve((_request, response) => void response.write('some')),
    100,
  )
  const { body } = await halting.request({ method: 'GET', path: '/', headers: {} })
  await assert.rejects(text(body), SilenceError)
})

test('an endless answer may pause for longer', async (t) => {
  const server = serve((_request, response) => {
    response.write('some ')
    setTimeout(() => response.end('more'), 500)
  })
  const client = await clientOf(t, server, 100)
  const { body } = await client.request({ method: 'GET', path: '/', headers: {}, endless: true })
  assert.equal(await text(body), 'some more')
})

test('an answer that is cut off is an error, and so is what is no HTTP', async (t) => {
  const cut = await clientOf(
    t,
    serve((_request, response) => {
      response.writeHead(200, { 'content-length': '10' }).write('some', () => response.destroy())
    }),
  )
  const { body } = await cut.request({ method: 'GET', path: '/', headers: {} })
  await assert.rejects(text(body), /aborted/)
  const other = await clientOf(
    t,
    createNetServer((socket) => void socket.on('error', () => undefined).end('SSH-2.0-x\r\n')),
  )
  await assert.rejects(other.request({ method: 'GET', path: '/', headers: {} }), /Parse Error/)
})

test('a request is given up by its signal, and by closing the client', async (t) => {
  const client = await clientOf(
    t,
    serve(() => undefined),
  )
  const stop = new AbortController()
  const stopped = client.request({ method: 'GET', path: '/', headers: {}, signal: stop.signal })
  stop.abort()
  await assert.rejects(stopped, { name: 'AbortError' })
  const closed = client.request({ method: 'GET', path: '/', headers: {} })
  client.close()
  await assert.rejects(closed, /hang up/)
})

test('where nobody listens, the system says so', async (t) => {
  const server = serve(() => undefined)
  const client = await clientOf(t, server)
  await new Promise((resolve) => server.close(resolve))
  await assert.rejects(client.request({ method: 'GET', path: '/', headers: {} }), { code: 'ECONNREFUSED' })
})
