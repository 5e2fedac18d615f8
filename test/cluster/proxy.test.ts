/** The fault proxy does what chaos believes it does: between a dialler and a member that only look like ours. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { toIncarnation, toNodeId } from '../../src/protocol/ids.ts'
import { encodeFrame, FrameDecoder } from '../../src/wire/frame.ts'
import { encodeHello, peerFrame, peerVersions } from '../../src/wire/hello.ts'
import { PeerProxy } from './proxy.ts'
import { until } from './until.ts'

const patienceMs = 10_000
const message = encodeFrame(peerFrame.message, Buffer.alloc(1000, 7))
const ping = encodeFrame(peerFrame.ping, new Uint8Array(0))
const head = 'GET /peer HTTP/1.1\r\nupgrade: x\r\n\r\n'

interface Ends {
  readonly proxy: PeerProxy
  readonly dialler: Socket
  readonly member: Socket
  /** Types of the frames that came to the member, the hello left out. */
  readonly came: number[]
  readonly bytes: () => number
  readonly closedBy: () => string | undefined
}

/** n1 has dialled n2 through the proxy and said hello. */
async function withEnds(body: (ends: Ends) => Promise<void>): Promise<void> {
  const server = createServer()
  server.listen({ host: '127.0.0.1', port: 0 })
  await once(server, 'listening')
  const proxy = await PeerProxy.create(new Map([['n2', (server.address() as AddressInfo).port]]))
  const accepted = once(server, 'connection')
  const dialler = createConnection({ host: '127.0.0.1', port: proxy.port('n2') })
  const [member] = (await accepted) as [Socket]
  const came: number[] = []
  const decoder = new FrameDecoder({ payloadBytesMax: 65_536 })
  let seen = -head.length
  let closedBy: string | undefined
  member.on('data', (chunk) => {
    const isHead = seen < 0
    seen += chunk.length
    const frames = isHead ? chunk.subarray(chunk.length - Math.max(0, seen)) : chunk
    decoder.push(frames, (type) => came.push(type))
  })
  member.on('error', (error) => {
    closedBy = 'code' in error ? String(error.code) : error.message
  })
  dialler.on('error', () => {})
  try {
    dialler.write(head)
    dialler.write(encodeFrame(peerFrame.hello, encodeHello(hello)))
    await until('the hello is there', patienceMs, () => came.length === 1)
    came.pop()
    const before = seen
    await body({ proxy, dialler, member, came, bytes: () => seen - before, closedBy: () => closedBy })
  } finally {
    dialler.destroy()
    member.destroy()
    await proxy.close()
    server.close()
  }
}

const hello = {
  clusterId: 'c',
  nodeId: toNodeId(1),
  name: 'n1',
  diskId: 'd',
  incarnation: toIncarnation(1),
  incarnationId: '0'.repeat(32),
  earlierIncarnations: [],
  clientAddress: '127.0.0.1:1',
  version: '0',
  featureLevels: { min: 1, max: 1 },
  foundedLevel: 1,
  versionMin: peerVersions.min,
  versionMax: peerVersions.max,
}

test('a lossy link leaves out whole messages, passes pings, and passes everything once healed', async () => {
  await withEnds(async ({ proxy, dialler, came }) => {
    proxy.lose('n1', 'n2', 1)
    // In pieces that end within headers and payloads.
    const bytes = Buffer.concat([message, ping, message, ping])
    for (let at = 0; at < bytes.length; at += 7) dialler.write(bytes.subarray(at, at + 7))
    await until('the pings are there', patienceMs, () => came.length >= 2)
    assert.deepEqual(came, [peerFrame.ping, peerFrame.ping])
    proxy.healAll()
    dialler.write(message)
    await until('the message is there', patienceMs, () => came.length === 3)
    assert.equal(came[2], peerFrame.message)
  })
})

test('a trickling link passes few bytes at a time, in order, and the rest at once when it heals', async () => {
  await withEnds(async ({ proxy, dialler, came, bytes }) => {
    proxy.trickle('n1', 'n2', 5)
    dialler.write(Buffer.concat([message, ping]))
    const sentAt = performance.now()
    await until('some bytes are there', patienceMs, () => bytes() >= 100)
    const tookMs = performance.now() - sentAt
    assert.ok(tookMs >= 100, `100 bytes within ${tookMs} ms`)
    assert.deepEqual(came, [])
    proxy.healAll()
    await until('all is there', patienceMs, () => came.length === 2)
    assert.deepEqual(came, [peerFrame.message, peerFrame.ping])
  })
})

test('a torn link ends within a message, with a reset', async () => {
  await withEnds(async ({ proxy, dialler, member, came, bytes, closedBy }) => {
    proxy.tear('n1', 'n2')
    dialler.write(ping)
    await until('the ping is there', patienceMs, () => came.length === 1)
    dialler.write(message)
    await until('both know', patienceMs, () => member.destroyed && dialler.destroyed)
    assert.deepEqual(came, [peerFrame.ping])
    assert.ok(bytes() < ping.length + message.length)
    assert.equal(closedBy(), 'ECONNRESET')
  })
})

test('a reset reaches both ends', async () => {
  await withEnds(async ({ proxy, dialler, member, closedBy }) => {
    const ended = once(dialler, 'error')
    proxy.reset('n1', 'n2')
    const [error] = (await ended) as [NodeJS.ErrnoException]
    assert.equal(error.code, 'ECONNRESET')
    await until('the member knows', patienceMs, () => member.destroyed)
    assert.equal(closedBy(), 'ECONNRESET')
  })
})
