import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type ErrorCode, errorCodes, PaxosError } from '../base/error.ts'
import { encodeCbor } from './cbor.ts'
import {
  clientFrames,
  decodeAnswers,
  decodeHello,
  decodeLeaderNotice,
  decodeRequests,
  decodeStreamError,
  encodeAnswers,
  encodeHello,
  encodeLeaderNotice,
  encodeRequests,
  encodeStreamError,
  type StreamAnswer,
  type StreamRequest,
} from './client-codec.ts'
import { FrameDecoder } from './frame.ts'

const id = fc.maxSafeNat()
const bytes = fc.uint8Array({ maxLength: 64 })
const timeoutMs = fc.integer({ min: 1, max: 3_600_000 })
const codes = Object.keys(errorCodes) as ErrorCode[]

const requests: fc.Arbitrary<StreamRequest[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('submit' as const), id, timeoutMs, request: bytes }),
    fc.record({
      kind: fc.constant('read' as const),
      id,
      timeoutMs,
      consistency: fc.constantFrom('linearizable' as const, 'stale' as const),
      query: bytes,
    }),
    fc.record({ kind: fc.constant('ping' as const), id }),
  ),
)

const answers: fc.Arbitrary<StreamAnswer[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('replied' as const), id, reply: bytes }),
    fc.record({ kind: fc.constant('answered' as const), id, answer: bytes }),
    fc.record({
      kind: fc.constant('failed' as const),
      id,
      code: fc.constantFrom(...codes),
      message: fc.string({ maxLength: 1024 }),
    }),
    fc.record({ kind: fc.constant('pong' as const), id }),
  ),
)

function payloadOf(frame: Uint8Array, type: number): Uint8Array {
  let found: Uint8Array | undefined
  new FrameDecoder({ payloadBytesMax: 1 << 24 }).push(frame, (frameType, payload) => {
    assert.equal(frameType, type)
    found = payload
  })
  assert.ok(found !== undefined)
  return found
}

function plain<T>(value: T): T {
  return JSON.parse(JSON.stringify(value))
}

test('requests and answers survive the wire', () => {
  fc.assert(
    fc.property(requests, (sent) => {
      const got = decodeRequests(payloadOf(encodeRequests(sent), clientFrames.requests), sent.length)
      assert.deepEqual(plain(got), plain(sent))
    }),
  )
  fc.assert(
    fc.property(answers, (sent) => {
      const got = decodeAnswers(payloadOf(encodeAnswers(sent), clientFrames.answers))
      assert.deepEqual(plain(got), plain(sent))
    }),
  )
})

test('hello, leader notice and error survive the wire', () => {
  const hello = {
    node: 'n1',
    clusterId: 'c',
    leader: { name: undefined, clientAddress: undefined },
    limits: { requestsPerFrameMax: 1, outstandingMax: 2, frameBytesMax: 3 },
  }
  assert.deepEqual(decodeHello(payloadOf(encodeHello(hello), clientFrames.hello)), hello)
  const leader = { name: 'n2', clientAddress: 'h:1' }
  assert.deepEqual(decodeLeaderNotice(payloadOf(encodeLeaderNotice(leader), clientFrames.leader)), leader)
  const error = { code: 'BAD_FRAME', message: 'why' } as const
  assert.deepEqual(
    decodeStreamError(payloadOf(encodeStreamError(error.code, error.message), clientFrames.error)),
    error,
  )
})

test('an error code of a newer server is taken for one that may have been done', () => {
  const [answer] = decodeAnswers(encodeCbor([[1, 2, 'NEW_CODE', 'm']]).slice())
  assert.deepEqual(answer, { kind: 'failed', id: 1, code: 'INTERNAL', message: 'm' })
})

test('more requests than allowed are refused', () => {
  const frame = encodeRequests([
    { kind: 'ping', id: 1 },
    { kind: 'ping', id: 2 },
  ])
  assert.throws(() => decodeRequests(payloadOf(frame, clientFrames.requests), 1), PaxosError)
})

test('truncated and mutated payloads are BAD_FRAME or a value, never another error', () => {
  const decoders = [
    (b: Uint8Array) => decodeRequests(b, 100),
    decodeAnswers,
    decodeHello,
    decodeLeaderNotice,
    decodeStreamError,
  ]
  fc.assert(
    fc.property(
      requests,
      answers,
      fc.nat(),
      fc.integer({ min: 0, max: 255 }),
      fc.boolean(),
      (rs, as, at, byte, cut) => {
        for (const frame of [encodeRequests(rs), encodeAnswers(as)]) {
          const payload = frame.slice(16)
          payload[at % payload.length] = byte
          const bytes = cut ? payload.subarray(0, at % payload.length) : payload
          for (const decode of decoders) {
            try {
              decode(bytes)
            } catch (error) {
              assert.ok(error instanceof PaxosError && error.code === 'BAD_FRAME', String(error))
            }
          }
        }
      },
    ),
  )
})
