import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import * as arbitraries from '../../test/machine/arbitraries.ts'
import { bytes, put, toKey, txn } from '../../test/machine/fixtures.ts'
import { ByteWriter } from '../base/bytes.ts'
import { PaxosError } from '../base/error.ts'
import {
  decodeBarrier,
  decodeBatch,
  decodeRequest,
  encodeBarrier,
  encodeBatch,
  encodeRequest,
} from './command-codec.ts'
import { decodeAnswer, decodeQuery, decodeReply, encodeAnswer, encodeQuery, encodeReply } from './reply-codec.ts'

const batch = arbitraries.record({
  timeMs: fc.nat({ max: 8.64e15 }),
  requests: fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 5 }),
})
const encodeTheBatch = ({ timeMs, requests }: { timeMs: number; requests: Uint8Array[] }): Uint8Array =>
  encodeBatch(timeMs, requests)

checkCodec('request', arbitraries.request, encodeRequest, decodeRequest)
checkCodec('batch', batch, encodeTheBatch, decodeBatch)
checkCodec('barrier', fc.nat({ max: 8.64e15 }), encodeBarrier, decodeBarrier)
checkCodec('reply', arbitraries.reply, encodeReply, decodeReply)
checkCodec('query', arbitraries.query, encodeQuery, decodeQuery)
checkCodec('answer', arbitraries.answer, encodeAnswer, decodeAnswer)

function checkCodec<T>(
  what: string,
  arbitrary: fc.Arbitrary<T>,
  encode: (value: T) => Uint8Array,
  decode: (encoded: Uint8Array) => unknown,
): void {
  test(`every ${what} comes back as it was, and encodes to the same bytes again`, () => {
    fc.assert(
      fc.property(arbitrary, (value) => {
        const encoded = encode(value)
        assert.deepEqual(decode(encoded), value)
        assert.deepEqual(encode(value), encoded)
      }),
    )
  })

  test(`every truncation of a ${what}, and anything after it, is a bad request`, () => {
    fc.assert(
      fc.property(arbitrary, (value) => {
        const encoded = encode(value)
        for (let length = 0; length < encoded.length; length++) {
          assert.throws(() => decode(encoded.subarray(0, length)), { code: 'BAD_REQUEST' }, `length ${length}`)
        }
        assert.throws(() => decode(Uint8Array.of(...encoded, 0)), { code: 'BAD_REQUEST' })
      }),
    )
  })

  test(`a damaged ${what} and random bytes decode or are a bad request, nothing else`, () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(arbitrary, damage, fc.uint8Array({ maxLength: 80 }), (value, changes, random) => {
        const encoded = encode(value)
        for (const [at, byte] of changes) encoded[at % encoded.length] = byte
        for (const input of [encoded, random]) {
          try {
            decode(input)
          } catch (error) {
            assert.ok(error instanceof PaxosError && error.code === 'BAD_REQUEST', String(error))
          }
        }
      }),
      { numRuns: 1000 },
    )
  })
}

test('requests within a batch are the bytes that went in', () => {
  const request = encodeRequest({ session: undefined, command: put('key', 'value') })
  const encoded = encodeBatch(1, [request, request])
  assert.ok(Buffer.from(encoded).includes(Buffer.from(request)))
  assert.deepEqual(decodeBatch(encoded).requests, [request, request])
})

test('a barrier is eight bytes, the most significant first', () => {
  assert.deepEqual(encodeBarrier(0x010203), Uint8Array.of(0, 0, 0, 0, 0, 1, 2, 3))
})

test('a time after all time is a bad request', () => {
  const late = new ByteWriter().u64(8.64e15 + 1).finish()
  assert.throws(() => decodeBarrier(late), { code: 'BAD_REQUEST' })
})

test('keys that the view could not hold do not decode, whatever the limits of the node that sent them', () => {
  const request = (key: string): Uint8Array => encodeRequest({ session: undefined, command: put(key, '') })
  assert.equal(decodeRequest(request('k'.repeat(1024))).command.kind, 'put')
  assert.throws(() => decodeRequest(request('k'.repeat(1025))), { code: 'BAD_REQUEST' })
  assert.throws(() => decodeRequest(request('')), { code: 'BAD_REQUEST' })
  const range = (start: string, end: string | undefined): Uint8Array =>
    encodeRequest({ session: undefined, command: { kind: 'deleteRange', range: { start, end } } })
  assert.equal(decodeRequest(range('', 'k'.repeat(1025))).command.kind, 'deleteRange')
  assert.throws(() => decodeRequest(range('', 'k'.repeat(1026))), { code: 'BAD_REQUEST' })
  assert.throws(() => decodeRequest(range('b', 'b')), { code: 'BAD_REQUEST' })
  assert.throws(() => decodeRequest(range('b', 'a')), { code: 'BAD_REQUEST' })
})

test('a transaction with more operations than any node may allow does not decode', () => {
  const request = (count: number): Uint8Array => {
    const operation = { kind: 'delete', range: { start: '', end: undefined } } as const
    return encodeRequest({ session: undefined, command: txn([], Array(count).fill(operation)) })
  }
  assert.equal(decodeRequest(request(1024)).command.kind, 'txn')
  assert.throws(() => decodeRequest(request(1025)), { code: 'BAD_REQUEST' })
})

test('an operand that does not fit its target does not encode', () => {
  for (const compare of [
    { key: toKey('a'), target: 'value', op: '=', operand: 1 },
    { key: toKey('a'), target: 'version', op: '=', operand: bytes('1') },
  ] as const) {
    assert.throws(() => encodeRequest({ session: undefined, command: txn([compare], []) }), { code: 'BAD_REQUEST' })
  }
})

test('a count is believed only as far as there are bytes', () => {
  const lie = new ByteWriter().u8(1).u64(1).u32(0xffffffff).finish()
  assert.throws(() => decodeBatch(lie), { code: 'BAD_REQUEST' })
})
