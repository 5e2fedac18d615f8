import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PaxosError } from '../base/error.ts'
import { encodeFrame, encodeFrameParts, FrameDecoder, frameHeaderBytes } from './frame.ts'

interface Frame {
  readonly type: number
  readonly payload: readonly number[]
}

const arbitraryFrame = fc.record({ type: fc.integer({ min: 0, max: 255 }), payload: fc.uint8Array({ maxLength: 300 }) })

function decodeAll(decoder: FrameDecoder, chunks: readonly Uint8Array[]): Frame[] {
  const frames: Frame[] = []
  for (const chunk of chunks) decoder.push(chunk, (type, payload) => frames.push({ type, payload: [...payload] }))
  return frames
}

function isBadFrame(words: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof PaxosError && error.code === 'BAD_FRAME' && words.test(error.message)
}

test('frames come out as they went in, however the stream is cut', () => {
  const property = fc.property(
    fc.array(arbitraryFrame, { maxLength: 8 }),
    fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 20 }),
    (sent, cuts) => {
      const stream = Buffer.concat(sent.map(({ type, payload }) => encodeFrame(type, payload)))
      const chunks: Uint8Array[] = []
      for (let at = 0, i = 0; at < stream.length; i++) {
        const size = cuts[i % cuts.length] ?? 1
        chunks.push(stream.subarray(at, at + size))
        at += size
      }
      const decoder = new FrameDecoder({ payloadBytesMax: 300 })
      assert.deepEqual(
        decodeAll(decoder, chunks),
        sent.map(({ type, payload }) => ({ type, payload: [...payload] })),
      )
      assert.equal(decoder.midFrame, false)
    },
  )
  fc.assert(property)
})

test('a frame larger than the first allocation grows with what arrives', () => {
  const payload = new Uint8Array(1_000_000).map((_, i) => i * 31)
  const frame = encodeFrame(3, payload)
  const decoder = new FrameDecoder({ payloadBytesMax: 1_000_000 })
  let got: Uint8Array | undefined
  for (let at = 0; at < frame.length; at += 50_001) {
    decoder.push(frame.subarray(at, at + 50_001), (_, bytes) => {
      got = bytes
    })
  }
  assert.deepEqual(got, payload)
})

test('parts make the same frame as their concatenation', () => {
  const parts = [new Uint8Array([1, 2]), new Uint8Array(0), new Uint8Array([3])]
  assert.deepEqual(encodeFrameParts(7, parts), encodeFrame(7, new Uint8Array([1, 2, 3])))
})

test('any damaged bit is noticed and nothing but BAD_FRAME is thrown', () => {
  const frame = encodeFrame(1, new Uint8Array([10, 20, 30]))
  for (let bit = 0; bit < frame.length * 8; bit++) {
    const damaged = frame.slice()
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    const decoder = new FrameDecoder({ payloadBytesMax: 1_000_000 })
    assert.throws(() => decodeAll(decoder, [damaged]), isBadFrame(/./), `bit ${bit}`)
  }
})

test('a length above the limit is refused before the payload arrives', () => {
  const header = encodeFrame(1, new Uint8Array(101)).subarray(0, frameHeaderBytes)
  const decoder = new FrameDecoder({ payloadBytesMax: 100 })
  assert.throws(() => decodeAll(decoder, [header]), isBadFrame(/payload of 101 bytes, at most 100/))
  const roomy = new FrameDecoder({ payloadBytesMax: 101 })
  assert.deepEqual(decodeAll(roomy, [header]), [])
  assert.equal(roomy.midFrame, true)
})

test('a limit that changes within a callback holds for the next frame of the same chunk', () => {
  const decoder = new FrameDecoder({ payloadBytesMax: 10 })
  const sizes: number[] = []
  decoder.push(
    Buffer.concat([encodeFrame(1, new Uint8Array(10)), encodeFrame(1, new Uint8Array(20))]),
    (_, payload) => {
      sizes.push(payload.length)
      decoder.setPayloadBytesMax(20)
    },
  )
  assert.deepEqual(sizes, [10, 20])
})

test('garbage is refused at its first byte', () => {
  const decoder = new FrameDecoder({ payloadBytesMax: 10 })
  assert.throws(() => decodeAll(decoder, [new Uint8Array([0x47])]), isBadFrame(/magic/))
})

test('another frame version is refused by name', () => {
  const decoder = new FrameDecoder({ payloadBytesMax: 10 })
  assert.throws(() => decodeAll(decoder, [new Uint8Array([0x50, 0x58, 2])]), isBadFrame(/version/))
})

test('a broken stream stays broken', () => {
  const decoder = new FrameDecoder({ payloadBytesMax: 10 })
  assert.throws(() => decodeAll(decoder, [new Uint8Array([1])]), isBadFrame(/magic/))
  assert.throws(() => decodeAll(decoder, [encodeFrame(1, new Uint8Array(1))]), isBadFrame(/already broken/))
})
