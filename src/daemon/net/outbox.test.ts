import assert from 'node:assert/strict'
import { Duplex } from 'node:stream'
import { test } from 'node:test'
import { Outbox, patienceMs } from './outbox.ts'

/** A stream that takes a write only when the test says so. */
class SlowStream extends Duplex {
  readonly taken: Uint8Array[] = []
  #release: (() => void) | undefined

  override _read(): void {
    // Nothing to read.
  }

  override _write(chunk: Uint8Array, _: BufferEncoding, done: () => void): void {
    this.taken.push(chunk)
    this.#release = done
  }

  override _writev(chunks: { chunk: Uint8Array }[], done: () => void): void {
    for (const { chunk } of chunks) this.taken.push(chunk)
    this.#release = done
  }

  release(): void {
    const release = this.#release
    this.#release = undefined
    release?.()
  }

  get bytes(): number[] {
    return [...Buffer.concat(this.taken)]
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

function attached(bytesMax: number, highWaterMark = 100_000): { outbox: Outbox; stream: SlowStream } {
  const outbox = new Outbox(bytesMax)
  const stream = new SlowStream({ highWaterMark })
  stream.on('drain', () => outbox.drained())
  outbox.attach(stream)
  return { outbox, stream }
}

test('frames of one turn leave as one write, joined when they are small', async () => {
  const { outbox, stream } = attached(1000)
  for (let i = 0; i < 3; i++) outbox.push(new Uint8Array([i]))
  assert.equal(stream.taken.length, 0)
  await turn()
  assert.deepEqual(
    stream.taken.map((chunk) => [...chunk]),
    [[0, 1, 2]],
  )
  assert.equal(outbox.writes, 1)
})

test('large frames are not copied and order is kept', async () => {
  const { outbox, stream } = attached(200_000, 200_000)
  const large = new Uint8Array(20_000).fill(9)
  for (const frame of [new Uint8Array([1]), large, new Uint8Array([2]), new Uint8Array([3])]) outbox.push(frame)
  await turn()
  stream.release()
  await turn()
  assert.deepEqual(stream.bytes, [1, ...large, 2, 3])
  assert.ok(stream.taken.some((chunk) => chunk.buffer === large.buffer))
})

test('a frame that is not urgent goes with the next that is, in order', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] })
  const { outbox, stream } = attached(1000)
  outbox.push(new Uint8Array([1]), false)
  await turn()
  assert.equal(stream.taken.length, 0)
  outbox.push(new Uint8Array([2]))
  await turn()
  assert.deepEqual(stream.bytes, [1, 2])
  context.mock.timers.tick(patienceMs)
  assert.equal(outbox.writes, 1)
})

test('frames that are not urgent leave together, and none waits for long', (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] })
  const { outbox, stream } = attached(1000)
  outbox.push(new Uint8Array([1]), false)
  context.mock.timers.tick(patienceMs - 1)
  outbox.push(new Uint8Array([2]), false)
  assert.equal(stream.taken.length, 0)
  context.mock.timers.tick(1)
  assert.deepEqual(stream.bytes, [1, 2])
  outbox.push(new Uint8Array([3]), false)
  outbox.detach()
  context.mock.timers.tick(patienceMs)
  assert.deepEqual(stream.bytes, [1, 2])
})

test('a slow socket is not written to until it drains, then takes what gathered', async () => {
  const { outbox, stream } = attached(1000, 10)
  outbox.push(new Uint8Array(20).fill(1))
  await turn()
  outbox.push(new Uint8Array([2]))
  outbox.push(new Uint8Array([3]))
  await turn()
  assert.equal(stream.taken.length, 1)
  stream.release()
  await turn()
  assert.deepEqual(stream.bytes, [...new Uint8Array(20).fill(1), 2, 3])
})

test('the bound counts what the socket holds, and a dropped frame leaves no hole', async () => {
  const { outbox, stream } = attached(100, 10)
  assert.equal(outbox.push(new Uint8Array(60)), true)
  await turn()
  assert.equal(outbox.queuedBytes, 60)
  assert.equal(outbox.push(new Uint8Array(41)), false)
  assert.equal(outbox.push(new Uint8Array(40)), true)
  assert.equal(outbox.push(new Uint8Array(1)), false)
  stream.release()
  await turn()
  assert.equal(stream.bytes.length, 100)
})

test('without a socket everything is dropped, also what was waiting', async () => {
  const outbox = new Outbox(100)
  assert.equal(outbox.push(new Uint8Array(1)), false)
  const { outbox: other, stream } = attached(100)
  assert.equal(other.push(new Uint8Array(1)), true)
  other.detach()
  await turn()
  assert.equal(stream.taken.length, 0)
  assert.equal(other.queuedBytes, 0)
})
