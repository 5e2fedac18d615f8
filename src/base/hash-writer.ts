import { assert } from './assert.ts'
import { type Hash128, murmur3 } from './murmur3.ts'

const bufferBytes = 65_536

/**
 * Hashes a sequence of fields as one text. Small fields gather in a buffer, because a hash of many bytes costs less than many
 * hashes; where the buffer happens to be full follows from the fields alone.
 */
export class HashWriter {
  readonly #hash: Hash128
  readonly #buffer = new Uint8Array(bufferBytes)
  readonly #view = new DataView(this.#buffer.buffer)
  #length = 0

  /** Goes on from `hash`, and leaves the result in it. */
  constructor(hash: Hash128) {
    this.#hash = hash
  }

  /** A safe integer. */
  number(value: number): this {
    if (this.#length + 8 > bufferBytes) this.flush()
    this.#view.setFloat64(this.#length, value, true)
    this.#length += 8
    return this
  }

  /** Three at once, which costs little more than one. */
  numbers(a: number, b: number, c: number): this {
    const at = this.#length
    if (at + 24 > bufferBytes) return this.number(a).number(b).number(c)
    const view = this.#view
    view.setFloat64(at, a, true)
    view.setFloat64(at + 8, b, true)
    view.setFloat64(at + 16, c, true)
    this.#length = at + 24
    return this
  }

  /** The length is part of it: no two sequences of fields are the same text. */
  bytes(bytes: Uint8Array): this {
    this.number(bytes.length)
    if (bytes.length > bufferBytes / 4) {
      this.flush()
      murmur3(this.#hash, bytes)
      return this
    }
    this.#reserve(bytes.length)
    this.#buffer.set(bytes, this.#length)
    this.#length += bytes.length
    return this
  }

  /** A binary string (one unit 0..255 per byte), shorter than the buffer. */
  binary(text: string): this {
    this.number(text.length)
    this.#reserve(text.length)
    let at = this.#length
    for (let i = 0; i < text.length; i++) this.#buffer[at++] = text.charCodeAt(i)
    this.#length = at
    return this
  }

  /** Everything so far is in the hash. */
  flush(): void {
    if (this.#length === 0) return
    murmur3(this.#hash, this.#buffer.subarray(0, this.#length))
    this.#length = 0
  }

  #reserve(more: number): void {
    assert(more <= bufferBytes, 'a field of %s bytes does not fit the buffer', more)
    if (this.#length + more > bufferBytes) this.flush()
  }
}
