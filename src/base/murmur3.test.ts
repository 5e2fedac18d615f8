import assert from 'node:assert/strict'
import { test } from 'node:test'
import { murmur3 } from './murmur3.ts'

function hashOf(bytes: Uint8Array, seed: number): Uint8Array {
  const hash = new Int32Array(4).fill(seed)
  murmur3(hash, bytes)
  const out = new Uint8Array(16)
  const view = new DataView(out.buffer)
  hash.forEach((word, at) => {
    view.setInt32(4 * at, word, true)
  })
  return out
}

/** The verification value of SMHasher: keys of 0 to 255 bytes, each with a seed of its own, and a hash of their hashes. */
test('it is MurmurHash3_x86_128', () => {
  const key = Uint8Array.from({ length: 256 }, (_, at) => at)
  const hashes = Buffer.concat(Array.from(key, (at) => hashOf(key.subarray(0, at), 256 - at)))
  const verification = Buffer.from(hashOf(hashes, 0)).readUInt32LE(0)
  assert.equal(verification.toString(16), 'b3ece62a')
})

test('the same bytes have the same hash wherever they lie', () => {
  const text = Buffer.from('a value of some length, not a multiple of 16')
  for (let at = 0; at < 20; at++) {
    const shifted = new Uint8Array(at + text.length)
    shifted.set(text, at)
    assert.deepEqual(hashOf(shifted.subarray(at), 7), hashOf(text, 7))
  }
})

test('calls form a chain: order and borders of the pieces matter', () => {
  const chain = (...pieces: readonly string[]): string => {
    const hash = new Int32Array(4)
    for (const piece of pieces) murmur3(hash, Buffer.from(piece))
    return hash.join()
  }
  const all = [chain('ab', 'c'), chain('a', 'bc'), chain('abc'), chain('c', 'ab'), chain('abc', ''), chain()]
  assert.equal(new Set(all).size, all.length)
})
