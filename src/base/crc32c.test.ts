import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32c } from './crc32c.ts'

function bitByBit(bytes: Uint8Array): number {
  let c = 0xffffffff
  for (const byte of bytes) {
    c ^= byte
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1
  }
  return ~c >>> 0
}

test('the check values of RFC 3720 appendix B.4 come out', () => {
  assert.equal(crc32c(new TextEncoder().encode('123456789')), 0xe3069283)
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa)
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43)
  assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e)
})

test('every length around the eight-byte step agrees with the definition', () => {
  const bytes = Uint8Array.from({ length: 67 }, (_, i) => i * 37 + 11)
  for (let length = 0; length <= bytes.length; length++) {
    const part = bytes.subarray(0, length)
    assert.equal(crc32c(part), bitByBit(part), `length ${length}`)
  }
})

test('going on from an earlier result equals one pass', () => {
  const bytes = Uint8Array.from({ length: 100 }, (_, i) => i * 5)
  for (const cut of [0, 1, 7, 8, 9, 50, 100]) {
    assert.equal(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut))), crc32c(bytes))
  }
})
