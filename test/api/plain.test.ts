/** Plain requests, which our own reader takes, beside the same as node:http reads and answers them. */
import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Random } from '../../src/base/random.ts'
import { type PlainRequest, readPlainRequest } from '../../src/daemon/api/plain/plain-request.ts'
import { mutateBytes } from '../fuzz/mutate.ts'
import { type RawConnection, startNode } from './node-fixture.ts'

const get = (key: string, headers = ''): string => `GET /v1/kv/${key} HTTP/1.1\r\nhost: h\r\n${headers}\r\n`
const put = (key: string, value: string, headers = ''): string =>
  `PUT /v1/kv/${key} HTTP/1.1\r\nhost: h\r\n${headers}content-length: ${Buffer.byteLength(value)}\r\n\r\n${value}`
/** Means nothing, and is not plain. */
const notPlain = 'x-tab: \t\r\n'

/** As many answers as there are status lines, without what differs from moment to moment. */
function answersIn(received: Buffer): string[] {
  const text = received.toString('latin1').replaceAll(/^(date|connection|keep-alive): .*\r\n/gim, '')
  return text.split(/(?=HTTP\/1\.1 \d{3} )/)
}

async function answers(raw: RawConnection, count: number): Promise<string[]> {
  return answersIn(await raw.until((received) => answersIn(received).length >= count && isWhole(received)))
}

/** The last answer has all its bytes. */
function isWhole(received: Buffer): boolean {
  const last = answersIn(received).at(-1) ?? ''
  const body = last.indexOf('\r\n\r\n') + 4
  return body >= 4 && last.length - body >= Number(/content-length: (\d+)/.exec(last)?.[1])
}

test('a plain request is answered as node:http answers it', async (t) => {
  const node = await startNode(t)
  await node.call('PUT', '/v1/kv/there', { body: 'v\u00fc' })
  const large = 'x'.repeat(20_000)
  await node.call('PUT', '/v1/kv/large', { body: large })
  const requests = [
    ...[
      'there',
      'there?consistency=stale',
      'there?revision=1',
      'there?revision=-1',
      'there?nonsense=1',
      'absent',
      'large',
    ],
    ...['a%zz', '%ff%00', `${'k'.repeat(2000)}`, 'there?revision=99'],
  ].map((key) => (headers: string) => get(key, headers))
  requests.push(
    (headers) => get('there', `content-length: 2\r\n${headers}`).concat('ab'),
    (headers) => put('there', 'new', `if-version: 77\r\n${headers}`),
    (headers) => put('there', 'new', `if-version: x\r\n${headers}`),
    (headers) => put('there', 'new', `paxos-session: 1\r\n${headers}`),
    (headers) => put('there', 'new', `paxos-session: 1\r\npaxos-seq: 1\r\n${headers}`),
    (headers) => put('there?x', 'new', headers),
    (headers) => `DELETE /v1/kv/there?x HTTP/1.1\r\nhost: h\r\n${headers}\r\n`,
  )
  for (const request of requests) {
    assert.ok(typeof readPlainRequest(Buffer.from(request(''), 'latin1')) === 'object', request(''))
    assert.equal(readPlainRequest(Buffer.from(request(notPlain), 'latin1')), 'other')
    const [plain, byHttp] = await Promise.all([node.raw(), node.raw()])
    plain.write(request(''))
    byHttp.write(request(notPlain))
    assert.deepEqual(await answers(plain, 1), await answers(byHttp, 1), request(''))
  }
})

test('what is written is what is read, on either way', async (t) => {
  const node = await startNode(t)
  const raw = await node.raw()
  const values = ['', 'v', 'x'.repeat(8192), 'y'.repeat(8193), 'z'.repeat(15_000)]
  for (const [at, value] of values.entries()) {
    raw.write(put('k', value))
    await answers(raw, 2 * at + 1)
    raw.write(get('k'))
    const last = (await answers(raw, 2 * at + 2)).at(-1) ?? ''
    assert.equal(last.slice(last.indexOf('\r\n\r\n') + 4), value)
    assert.equal((await node.call('GET', '/v1/kv/k')).text, value)
  }
})

test('answers to requests that were sent at once come in their order, also past one that is not plain', async (t) => {
  const node = await startNode(t)
  const raw = await node.raw()
  const keys = Array.from({ length: 300 }, (_, at) => `k${at}`)
  raw.write(keys.map((key) => put(key, `v-${key}`)).join(''))
  await answers(raw, keys.length)
  const asked = keys.map((key, at) => get(key, at === 200 ? notPlain : '')).join('')
  raw.write(asked)
  const bodies = (await answers(raw, 2 * keys.length)).slice(keys.length)
  assert.deepEqual(
    bodies.map((answer) => answer.slice(answer.indexOf('\r\n\r\n') + 4)),
    keys.map((key) => `v-${key}`),
  )
})

test('a refusal does not overtake a write that takes longer', async (t) => {
  const node = await startNode(t)
  node.replica.held = true
  const raw = await node.raw()
  raw.write(put('k', 'v') + get('a%zz') + put('k', 'w'))
  await node.call('GET', '/livez')
  assert.equal(raw.received.length, 0)
  node.replica.release()
  const statuses = (await answers(raw, 3)).map((answer) => answer.slice(9, 12))
  assert.deepEqual(statuses, ['200', '400', '200'])
})

test('a request that comes byte by byte is served', async (t) => {
  const node = await startNode(t)
  const raw = await node.raw()
  raw.socket.setNoDelay(true)
  for (const byte of Buffer.from(put('k', 'value'))) {
    raw.write(Uint8Array.of(byte))
    await new Promise((resolve) => setImmediate(resolve))
  }
  await raw.untilText('"version":1')
})

test('a client that ends its side after the request gets the answer', async (t) => {
  const node = await startNode(t)
  const raw = await node.raw()
  raw.socket.end(put('k', 'v'))
  assert.match((await raw.closed()).toString('latin1'), /"version":1/)
})

test('a client that goes while it waits leaves nothing behind', async (t) => {
  const budget = 4000
  const node = await startNode(t, { limits: { inFlightBytesMax: budget } })
  node.replica.held = true
  const raw = await node.raw()
  raw.write(put('k', 'x'.repeat(budget)))
  while (node.replica.submits === 0) await node.call('GET', '/livez')
  assert.equal((await node.call('PUT', '/v1/kv/j', { body: 'y' })).status, 429)
  raw.socket.resetAndDestroy()
  await untilConnections(() => node.server.connections, 1)
  node.replica.release()
  assert.equal((await node.call('PUT', '/v1/kv/j', { body: 'y'.repeat(budget) })).status, 200)
})

test('a client that does not read its answers is not read on', async (t) => {
  const node = await startNode(t)
  const value = 'x'.repeat(15_000)
  await node.call('PUT', '/v1/kv/k', { body: value })
  let reads = 0
  const { read } = node.replica
  node.replica.read = (...args) => {
    reads++
    read.apply(node.replica, args)
  }
  const raw = await node.raw()
  let received = 0
  raw.socket.removeAllListeners('data').pause()
  const asked = 1500
  raw.write(get('k').repeat(asked))
  let before = -1
  while (reads === 0 || reads > before) {
    before = reads
    for (let at = 0; at < 20; at++) await node.call('GET', '/livez')
  }
  assert.ok(reads < asked, 'all was answered into memory')
  raw.socket.on('data', (chunk) => {
    received += chunk.length
  })
  raw.socket.resume()
  while (received < asked * value.length) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.equal(reads, asked)
})

test('the last of ten thousand answers ends the connection, and none is lost for what was sent after it', async (t) => {
  const node = await startNode(t)
  await node.call('PUT', '/v1/kv/k', { body: 'x'.repeat(2000) })
  const most = 10_000
  const socket = connect(node.port, '127.0.0.1')
  socket.write(get('k').repeat(most + 6000))
  // A reader that is slower than the node: what it has not read yet is with the system when the connection ends.
  const chunks: Buffer[] = []
  for await (const chunk of socket) {
    chunks.push(chunk)
    await new Promise((resolve) => setImmediate(resolve))
  }
  const all = Buffer.concat(chunks)
  assert.equal(answersIn(all).length, most)
  assert.equal(all.toString('latin1').match(/connection: close/gi)?.length, 1)
})

/** Of this process, without what is garbage. */
function bufferBytes(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  return process.memoryUsage().arrayBuffers
}

test('what is sent after the last of ten thousand requests is not kept', async (t) => {
  const node = await startNode(t)
  const raw = await node.raw()
  raw.write(get('k').repeat(9999))
  await raw.until((received) => received.toString('latin1').split('HTTP/1.1 404').length === 10_000)
  node.replica.held = true
  raw.write(put('k', 'v'))
  while (node.replica.submits === 0) await node.call('GET', '/livez')
  const before = bufferBytes()
  const junk = Buffer.alloc(1024 * 1024, 'j')
  for (let at = 0; at < 32; at++) await new Promise((resolve) => raw.socket.write(junk, resolve))
  let kept = Number.POSITIVE_INFINITY
  // The system may still hold some of it, and the collector some of what was.
  for (let tries = 0; tries < 100 && kept > 4 * 1024 * 1024; tries++) {
    await node.call('GET', '/livez')
    kept = bufferBytes() - before
  }
  assert.ok(kept <= 4 * 1024 * 1024, `${kept} bytes of what came are kept`)
  node.replica.release()
  await raw.untilText('"version":1')
})

test('a request that is cut short by the end of its side is answered 400', async (t) => {
  const node = await startNode(t)
  const raw = await node.raw()
  raw.socket.end(get('k') + get('k').slice(0, -2))
  const statuses = answersIn(await raw.closed()).map((answer) => answer.slice(9, 12))
  assert.deepEqual(statuses, ['404', '400'])
})

test('what is clearly no HTTP is refused at once', async (t) => {
  const node = await startNode(t)
  const raw = await node.raw()
  raw.write('HELP\r\n')
  assert.match((await raw.closed()).toString('latin1'), /^HTTP\/1\.1 400 /)
})

test('a node that stops answers what is open, and refuses what comes then', async (t) => {
  const node = await startNode(t)
  node.replica.held = true
  const [waiting, resting] = await Promise.all([node.raw(), node.raw()])
  resting.write(get('a%zz'))
  await answers(resting, 1)
  waiting.write(put('k', 'v'))
  while (node.replica.submits === 0) await new Promise((resolve) => setImmediate(resolve))
  const stopped = node.server.stop(30_000)
  resting.write(get('k'))
  assert.match((await resting.closed()).toString('latin1'), /STOPPING/)
  node.replica.release()
  await stopped
  assert.match((await waiting.closed()).toString('latin1'), /^HTTP\/1\.1 200 /)
})

test('a connection that rests is closed, and one that never says anything is told so', async (t) => {
  const node = await startNode(t)
  const [resting, silent] = await Promise.all([node.raw(), node.raw()])
  resting.write(get('k'))
  await resting.closed()
  assert.match((await silent.closed()).toString('latin1'), /^HTTP\/1\.1 408 /)
})

test('whatever our reader takes, node:http reads the same', async (t) => {
  const reference = await Reference.start(t)
  const random = new Random(4)
  const parts = {
    methods: ['GET', 'PUT', 'DELETE', 'POST'],
    targets: ['/v1/kv/k', '/v1/kv/a%2fb?x=1', '/v1/kv/"~', '/v1/kv/k#f', '/v1/kv/', '/v1/kv/k k'],
    names: [
      'host',
      'Host',
      'content-length',
      'If-Version',
      'paxos-seq',
      'x',
      'connection',
      'expect',
      'te',
      'x_y',
      'x ',
    ],
    values: ['', 'h', '0', '5', ' 5', '5 ', '05', '5, 5', 'keep-alive', 'close', '\t5', 'a"b', '\x7f', '\xe4'],
    ends: ['\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\n', '\r', '\r\n '],
  }
  const draw = (from: readonly string[]): string => from[random.integer(0, from.length)] ?? ''
  let taken = 0
  for (let round = 0; round < 20_000; round++) {
    const count = random.integer(0, 5)
    const headers = Array.from({ length: count }, () => `${draw(parts.names)}:${draw(parts.values)}${draw(parts.ends)}`)
    const start = `${draw(parts.methods)} ${draw(parts.targets)} HTTP/1.1\r\n`
    const usual = random.chance(0.7) ? 'host: h\r\ncontent-length: 5\r\n' : ''
    const made = Buffer.from(`${start}${usual}${headers.join('')}\r\nvalue`, 'latin1')
    const bytes = random.chance(0.3) ? Buffer.from(mutateBytes(random, made, made)) : made
    const read = readPlainRequest(bytes)
    if (typeof read !== 'object') continue
    taken++
    await reference.compare(bytes, read)
  }
  assert.ok(taken > 300, `only ${taken} were taken`)
})

async function untilConnections(count: () => number, wanted: number): Promise<void> {
  while (count() !== wanted) await new Promise((resolve) => setTimeout(resolve, 5))
}

/** node:http, as the client port has it. */
class Reference {
  readonly #port: number
  #onRequest: ((request: IncomingMessage, response: ServerResponse, body: Buffer) => void) | undefined

  static start(t: TestContext): Promise<Reference> {
    return new Promise((resolve) => {
      const server = createServer({ maxHeaderSize: 8192 })
      server.maxHeadersCount = 64
      server.listen(0, '127.0.0.1', () => {
        const reference = new Reference((server.address() as AddressInfo).port)
        server.on('request', (request, response) => {
          const chunks: Buffer[] = []
          request.on('data', (chunk: Buffer) => chunks.push(chunk))
          request.on('end', () => {
            const onRequest = reference.#onRequest
            reference.#onRequest = undefined
            onRequest?.(request, response, Buffer.concat(chunks))
            response.end()
          })
        })
        resolve(reference)
      })
      t.after(() => server.close())
    })
  }

  constructor(port: number) {
    this.#port = port
  }

  async compare(bytes: Buffer, read: PlainRequest): Promise<void> {
    const { method, target, headers, body } = read
    const socket = connect(this.#port, '127.0.0.1')
    const seen = await new Promise<unknown>((resolve) => {
      this.#onRequest = (request, response, by) => {
        const same = Object.keys(headers).map((name) => [name, request.headers[name]])
        resolve({
          method: request.method,
          stays: response.shouldKeepAlive,
          target: request.url,
          headers: Object.fromEntries(same),
          body: by.toString('hex'),
        })
      }
      socket.on('data', (answer) => resolve(answer.toString('latin1')))
      socket.on('error', (error) => resolve(error.message))
      socket.end(bytes.subarray(0, read.bytes))
    })
    socket.destroy()
    const ours = { method, target, stays: true, headers: { ...headers }, body: Buffer.from(body).toString('hex') }
    assert.deepEqual(seen, ours, JSON.stringify(bytes.toString('latin1')))
  }
}
