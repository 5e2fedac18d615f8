import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { encodeRequest } from '../../src/machine/command-codec.ts'
import { decodeAnswer, decodeReply, encodeQuery } from '../../src/machine/reply-codec.ts'
import type { Key } from '../../src/machine/request.ts'
import { toNodeId } from '../../src/protocol/ids.ts'
import { encodeCbor } from '../../src/wire/cbor.ts'
import {
  clientFrames,
  decodeAnswers,
  decodeHello,
  decodeLeaderNotice,
  decodeStreamError,
  encodeHello,
  encodeRequests,
  type StreamAnswer,
  type StreamHello,
  type StreamRequest,
} from '../../src/wire/client-codec.ts'
import { encodeFrame, FrameDecoder, frameHeaderBytes } from '../../src/wire/frame.ts'
import { RawConnection, startNode, type TestNode } from './node-fixture.ts'

const upgrade = 'GET /v1/stream HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: paxos-client/1\r\n\r\n'
const key = 'k' as Key

/** An upgraded connection, read frame by frame. */
class RawStream {
  readonly raw: RawConnection
  readonly hello: StreamHello
  #skip: number

  static async open(t: TestContext, node: TestNode): Promise<RawStream> {
    const raw = await RawConnection.open(t, node.port)
    raw.write(upgrade)
    const received = await raw.until((bytes) => framesOf(bytes).length > 0)
    assert.match(received.toString('latin1'), /^HTTP\/1\.1 101 /)
    const [hello] = framesOf(received)
    assert.equal(hello?.type, clientFrames.hello)
    return new RawStream(raw, decodeHello(hello?.payload ?? new Uint8Array()))
  }

  constructor(raw: RawConnection, hello: StreamHello) {
    this.raw = raw
    this.hello = hello
    this.#skip = 1
  }

  send(...requests: readonly StreamRequest[]): void {
    this.raw.write(encodeRequests(requests))
  }

  async next(): Promise<Frame> {
    const at = this.#skip++
    const received = await this.raw.until((bytes) => framesOf(bytes).length > at)
    const frame = framesOf(received)[at]
    assert.ok(frame !== undefined)
    return frame
  }

  async answers(count: number): Promise<StreamAnswer[]> {
    const answers: StreamAnswer[] = []
    while (answers.length < count) {
      const { type, payload } = await this.next()
      assert.equal(type, clientFrames.answers)
      answers.push(...decodeAnswers(payload))
    }
    return answers
  }
}

interface Frame {
  readonly type: number
  readonly payload: Uint8Array
}

function framesOf(received: Buffer): Frame[] {
  const head = received.indexOf('\r\n\r\n')
  if (head < 0) return []
  const frames: Frame[] = []
  const decoder = new FrameDecoder({ payloadBytesMax: 1 << 26 })
  decoder.push(received.subarray(head + 4), (type, payload) => frames.push({ type, payload }))
  return frames
}

function put(id: number, value = 'v'): StreamRequest {
  const command = { kind: 'put', key, value: Buffer.from(value), ifVersion: undefined } as const
  return { kind: 'submit', id, timeoutMs: 1000, request: encodeRequest({ session: undefined, command }) }
}

function get(id: number): StreamRequest {
  const query = encodeQuery({ kind: 'get', key, revision: undefined })
  return { kind: 'read', id, timeoutMs: 1000, consistency: 'linearizable', query }
}

test('the hello says who the node is, who leads and where, and what it takes', async (t) => {
  const node = await startNode(t)
  const { hello } = await RawStream.open(t, node)
  assert.equal(hello.node, 'n1')
  assert.equal(hello.clusterId, 'c1')
  assert.deepEqual(hello.leader, { name: 'n1', clientAddress: `127.0.0.1:${node.port}` })
  assert.equal(hello.limits.requestsPerFrameMax, 1024)
})

test('many requests in one frame are answered, those of one turn in one frame', async (t) => {
  const node = await startNode(t)
  const stream = await RawStream.open(t, node)
  stream.send(put(7), put(8, 'w'), { kind: 'ping', id: 9 })
  const pong = await stream.answers(1)
  assert.deepEqual(pong, [{ kind: 'pong', id: 9 }])
  const frame = await stream.next()
  const replies = decodeAnswers(frame.payload)
  assert.deepEqual(
    replies.map((answer) => [answer.id, answer.kind === 'replied' && decodeReply(answer.reply)]),
    [
      [7, { kind: 'put', slot: 0, revision: 1, version: 1 }],
      [8, { kind: 'put', slot: 0, revision: 2, version: 2 }],
    ],
  )
  stream.send(get(1))
  const [answer] = await stream.answers(1)
  assert.ok(answer?.kind === 'answered')
  const read = decodeAnswer(answer.answer)
  assert.equal(read.kind === 'item' && Buffer.from(read.item?.value ?? []).toString(), 'w')
})

test('a request that is wrong is refused by itself, and the stream goes on', async (t) => {
  const node = await startNode(t, { requestLimits: { valueBytesMax: 10 } })
  const stream = await RawStream.open(t, node)
  stream.send(
    { kind: 'submit', id: 1, timeoutMs: 1000, request: Buffer.from('garbage') },
    { kind: 'read', id: 2, timeoutMs: 1000, consistency: 'stale', query: Buffer.from('garbage') },
    put(3, 'v'.repeat(11)),
    put(4, 'v'.repeat(10)),
  )
  const answers = await stream.answers(4)
  const codes = new Map(answers.map((answer) => [answer.id, answer.kind === 'failed' ? answer.code : answer.kind]))
  assert.deepEqual(
    [1, 2, 3, 4].map((id) => codes.get(id)),
    ['BAD_REQUEST', 'BAD_REQUEST', 'TOO_LARGE', 'replied'],
  )
})

const valid = encodeRequests([{ kind: 'ping', id: 1 }])
const violations: readonly (readonly [name: string, bytes: Uint8Array])[] = [
  ['garbage', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  [
    'a frame of another type',
    encodeHello({
      node: '',
      clusterId: '',
      leader: { name: undefined, clientAddress: undefined },
      limits: { requestsPerFrameMax: 1, outstandingMax: 1, frameBytesMax: 1 },
    }),
  ],
  ['an unknown frame type', encodeFrame(200, encodeCbor([]))],
  ['a damaged payload', damaged(valid, valid.length - 1)],
  ['a damaged header', damaged(valid, 5)],
  ['a payload that is not CBOR', encodeFrame(clientFrames.requests, Buffer.from([0xff, 0xff]))],
  ['an empty payload', encodeFrame(clientFrames.requests, new Uint8Array())],
  ['a map', encodeFrame(clientFrames.requests, Buffer.from([0xa1, 0x01, 0x02]))],
  ['a tag', encodeFrame(clientFrames.requests, Buffer.from([0xc1, 0x01]))],
  ['deep arrays', encodeFrame(clientFrames.requests, Buffer.alloc(5000, 0x81))],
  ['a length that lies', encodeFrame(clientFrames.requests, Buffer.from([0x9a, 0xff, 0xff, 0xff, 0xff]))],
  ['an unknown kind of request', encodeFrame(clientFrames.requests, encodeCbor([[1, 9]]))],
  ['a request with a field too many', encodeFrame(clientFrames.requests, encodeCbor([[1, 2, 3]]))],
  ['a request id that is text', encodeFrame(clientFrames.requests, encodeCbor([['1', 2]]))],
  ['a timeout of 0', encodeFrame(clientFrames.requests, encodeCbor([[1, 0, 0, new Uint8Array(1)]]))],
  ['too many requests', encodeFrame(clientFrames.requests, encodeCbor(Array.from({ length: 1025 }, () => [1, 2])))],
  ['trailing bytes', encodeFrame(clientFrames.requests, Buffer.from([0x80, 0x00]))],
]

for (const [name, bytes] of violations) {
  test(`${name} ends the stream with an error frame and one log line; other streams go on`, async (t) => {
    const node = await startNode(t)
    const honest = await RawStream.open(t, node)
    const hostile = await RawStream.open(t, node)
    hostile.raw.write(bytes)
    const { type, payload } = await hostile.next()
    assert.equal(type, clientFrames.error)
    const { code, message } = decodeStreamError(payload)
    assert.equal(code, 'BAD_FRAME')
    assert.ok(message.length > 0)
    await hostile.raw.closed()
    assert.equal(node.warnings.length, 1)
    honest.send(put(1))
    assert.equal((await honest.answers(1))[0]?.kind, 'replied')
  })
}

test('an oversized frame is refused by its header, before its bytes arrive', async (t) => {
  const node = await startNode(t)
  const stream = await RawStream.open(t, node)
  const frame = encodeFrame(clientFrames.requests, new Uint8Array(5 * 1024 * 1024))
  stream.raw.write(frame.subarray(0, frameHeaderBytes))
  assert.equal((await stream.next()).type, clientFrames.error)
  await stream.raw.closed()
})

test('a frame that does not arrive whole in time ends the stream; one byte at a time is fine until then', async (t) => {
  const node = await startNode(t, { limits: { frameTimeoutMs: 300 } })
  const stream = await RawStream.open(t, node)
  for (const byte of valid) {
    stream.raw.write(Buffer.from([byte]))
    await new Promise(setImmediate)
  }
  assert.deepEqual(await stream.answers(1), [{ kind: 'pong', id: 1 }])
  stream.raw.write(valid.subarray(0, valid.length - 1))
  assert.equal((await stream.next()).type, clientFrames.error)
  await stream.raw.closed()
})

test('a truncated frame and a closed connection leave nothing behind', async (t) => {
  const node = await startNode(t)
  const stream = await RawStream.open(t, node)
  stream.raw.write(encodeRequests([put(1)]).subarray(0, -1))
  stream.raw.socket.end()
  await stream.raw.closed()
  assert.equal(node.replica.submits, 0)
  assert.deepEqual(node.warnings, [])
})

test('beyond the number of open requests the server stops reading, and goes on when some are answered', async (t) => {
  const node = await startNode(t, { limits: { streamRequestsMax: 10, streamFrameRequestsMax: 5 } })
  const stream = await RawStream.open(t, node)
  node.replica.held = true
  const frames = 400
  for (let i = 0; i < frames; i++) {
    const requests = [0, 1, 2, 3, 4].map((j) => put(i * 5 + j, 'v'.repeat(1000)))
    stream.send(...requests)
  }
  while (node.replica.submits <= 10) await new Promise(setImmediate)
  // What was read with one chunk is taken; the rest waits in the socket.
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.ok(node.replica.submits < 200, `${node.replica.submits} were taken`)
  node.replica.release()
  const answers = await stream.answers(frames * 5)
  assert.equal(new Set(answers.map((answer) => answer.id)).size, frames * 5)
})

test('a client that does not read its answers is disconnected', async (t) => {
  const node = await startNode(t, { limits: { streamUnreadBytesMax: 1024 * 1024 } })
  await node.call('PUT', '/v1/kv/k', { body: Buffer.alloc(500_000) })
  const stream = await RawStream.open(t, node)
  stream.raw.socket.pause()
  for (let i = 0; i < 50; i++) stream.send(get(i))
  while (node.warnings.length === 0) await new Promise(setImmediate)
  assert.match(node.warnings[0] ?? '', /too slowly/)
})

test('a new leader is told to every stream', async (t) => {
  const addresses = new Map([[2, '127.0.0.1:9']])
  const node = await startNode(t, { addresses })
  const stream = await RawStream.open(t, node)
  node.log.leader = toNodeId(2)
  const { type, payload } = await stream.next()
  assert.equal(type, clientFrames.leader)
  assert.deepEqual(decodeLeaderNotice(payload), { name: 'n2', clientAddress: '127.0.0.1:9' })
  node.log.leader = undefined
  const none = await stream.next()
  assert.deepEqual(decodeLeaderNotice(none.payload), { name: undefined, clientAddress: undefined })
})

test('a stopping server answers what is open, refuses what is new, and closes the stream', async (t) => {
  const node = await startNode(t)
  const stream = await RawStream.open(t, node)
  node.replica.held = true
  stream.send(put(1))
  while (node.replica.submits === 0) await new Promise(setImmediate)
  const stopped = node.server.stop(5000)
  stream.send(put(2))
  const [refused] = await stream.answers(1)
  assert.ok(refused?.kind === 'failed' && refused.code === 'STOPPING')
  node.replica.release()
  const [replied] = await stream.answers(1)
  assert.equal(replied?.id, 1)
  await stream.raw.closed()
  await stopped
})

test('other upgrades are plain HTTP, and our own at another path is refused', async (t) => {
  const node = await startNode(t)
  const h2c = await node.raw()
  h2c.write('GET /livez HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: h2c\r\n\r\n')
  await h2c.untilText('{"live":true}')
  const elsewhere = await node.raw()
  elsewhere.write(upgrade.replace('/v1/stream', '/v1/status'))
  assert.match((await elsewhere.closed()).toString('latin1'), /^HTTP\/1\.1 404 /)
  const plain = await node.call('GET', '/v1/stream')
  assert.equal(plain.status, 400)
  assert.equal(plain.headers['upgrade'], 'paxos-client/1')
})

function damaged(frame: Uint8Array, at: number): Uint8Array {
  const copy = frame.slice()
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}
