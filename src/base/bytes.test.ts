import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allocateBytes, ByteReader, BytesError, ByteWriter } from './bytes.ts'

test('what is written is read back, and a reader says when bytes are missing or left over', () => {
  const raw = Uint8Array.of(1, 2, 3)
  const bytes = new ByteWriter().u8(255).u16(65_535).u32(4_294_967_295).u64(Number.MAX_SAFE_INTEGER).bytes(raw).finish()
  const reader = new ByteReader(bytes)
  assert.deepEqual(
    [reader.u8(), reader.u16(), reader.u32(), reader.u64(), reader.bytes()],
    [255, 65_535, 4_294_967_295, Number.MAX_SAFE_INTEGER, raw],
  )
  reader.end()
  assert.throws(() => reader.u8(), BytesError)
  assert.throws(() => new ByteReader(bytes).end(), BytesError)
  assert.throws(() => new ByteReader(new Uint8Array(8).fill(255)).u64(), BytesError)
})

test('a writer that outgrows its capacity keeps what it has, and takes no byte of its neighbour', () => {
  const first = new ByteWriter(4)
  const second = new ByteWriter(4)
  for (let i = 0; i < 1000; i++) {
    first.u32(i)
    second.u32(~i >>> 0)
  }
  const [a, b] = [new ByteReader(first.finish()), new ByteReader(second.finish())]
  for (let i = 0; i < 1000; i++) assert.deepEqual([a.u32(), b.u32()], [i, ~i >>> 0])
  a.end()
  b.end()
})

test('allocated bytes are zero and share none, across the ends of many buffers', () => {
  const all = Array.from({ length: 3000 }, (_, i) => ({ bytes: allocateBytes(i % 2100), mark: i % 256 }))
  for (const { bytes, mark } of all) {
    assert.ok(bytes.every((byte) => byte === 0))
    bytes.fill(mark)
  }
  for (const { bytes, mark } of all) assert.ok(bytes.every((byte) => byte === mark))
})

test('a writer that was finished is of no use any more', () => {
  const writer = new ByteWriter(8).u32(7)
  const bytes = writer.finish()
  assert.throws(() => writer.finish(), /a writer is finished once/)
  assert.throws(() => writer.u8(1), /written after the end/)
  assert.equal(new ByteReader(bytes).u32(), 7)
})
