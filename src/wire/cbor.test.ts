import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Encoder, isNativeAccelerationEnabled } from 'cbor-x/encode'
import fc from 'fast-check'
import { PaxosError } from '../base/error.ts'
import {
  type CborValue,
  decodeCbor,
  encodeCbor,
  readArray,
  readBoolean,
  readBytes,
  readKind,
  readOptional,
  readText,
  readTuple,
  readUint,
} from './cbor.ts'

const leaf: fc.Arbitrary<CborValue> = fc.oneof(
  fc.maxSafeInteger(),
  fc.constantFrom(0xffffffff, 0x100000000, -0x100000000, -0x100000001, 23, 24, 255, 256, 65_535, 65_536),
  fc.string({ unit: 'binary', maxLength: 100 }),
  fc.boolean(),
  fc.constant(null),
  fc.uint8Array({ maxLength: 100 }),
)
const { tree } = fc.letrec<{ tree: CborValue }>((tie) => ({
  tree: fc.oneof({ maxDepth: 5 }, leaf, fc.array(tie('tree'), { maxLength: 10 })),
}))

test('values come back as they went', () => {
  fc.assert(fc.property(tree, (value) => assert.deepEqual(decodeCbor(encodeCbor(value)), value)))
})

test('every value has one encoding: what is decoded encodes to the same bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      let value: unknown
      try {
        value = decodeCbor(bytes)
      } catch (error) {
        assert.ok(error instanceof PaxosError && error.code === 'BAD_FRAME')
        return
      }
      assert.deepEqual(new Uint8Array(encodeCbor(value as CborValue)), bytes)
    }),
    { numRuns: 20_000 },
  )
})

test('undefined travels as null', () => {
  assert.deepEqual(decodeCbor(encodeCbor([undefined, [undefined]])), [null, [null]])
})

test('a lone surrogate becomes a replacement character, not invalid text', () => {
  assert.deepEqual(decodeCbor(encodeCbor(['a\ud800b'])), ['a\ufffdb'])
})

test('a fraction cannot be sent', () => {
  assert.throws(() => encodeCbor([0.5]), /not a safe integer/)
  assert.throws(() => encodeCbor(2 ** 53), /not a safe integer/)
})

test('decoded bytes are plain copies, also out of a Buffer', () => {
  const frame = Buffer.from(encodeCbor([new Uint8Array([1, 2, 3])]))
  const [bytes] = readArray(decodeCbor(frame), 'value')
  frame.fill(0)
  assert.equal(Object.getPrototypeOf(bytes), Uint8Array.prototype)
  assert.deepEqual(bytes, new Uint8Array([1, 2, 3]))
})

test('what the library alone would accept is refused', () => {
  const lax = new Encoder({ useRecords: false })
  for (const value of [{ a: 1 }, new Map([[1, 2]]), new Date(0), /x/, new Set([1]), 0.5, undefined, 2n ** 80n]) {
    assert.throws(() => decodeCbor(lax.encode([value])), { code: 'BAD_FRAME' }, String(value))
  }
})

test('the optional C++ addon of the library is not loaded', () => {
  assert.equal(isNativeAccelerationEnabled, false)
})

test('a reader names the field and what was wanted', () => {
  const bad = (run: () => unknown, words: RegExp): void => {
    assert.throws(
      run,
      (error) => error instanceof PaxosError && error.code === 'BAD_FRAME' && words.test(error.message),
    )
  }
  bad(() => readArray(1, 'votes'), /votes is not an array/)
  bad(() => readArray([1, 2], 'votes', 1), /votes has 2 items, at most 1/)
  bad(() => readTuple([1], 'ballot', 5), /ballot has 1 items instead of 5/)
  bad(() => readUint(-1, 'slot'), /slot is not an unsigned integer/)
  bad(() => readUint('1', 'slot'), /slot is not an unsigned integer/)
  bad(() => readUint(256, 'slot', 255), /slot is above 255/)
  bad(() => readBytes('x', 'payload'), /payload is not a byte string/)
  bad(() => readBytes(new Uint8Array(2), 'payload', 1), /payload has 2 bytes/)
  bad(() => readText(1, 'name'), /name is not text/)
  bad(() => readText('abc', 'name', 2), /name has 3 characters/)
  bad(() => readBoolean(1, 'done'), /done is not true or false/)
  bad(() => readKind(2, 'kind', ['a', 'b']), /kind is of an unknown kind/)
  bad(() => readOptional('x', 'upTo', readUint), /upTo is not an unsigned integer/)
  assert.equal(readOptional(null, 'upTo', readUint), undefined)
  assert.equal(readKind(1, 'kind', ['a', 'b']), 'b')
})
