import { assert } from '../base/assert.ts'
import { crc32c } from '../base/crc32c.ts'
import { badFrame } from './frame-error.ts'

// Header, big-endian: magic u16 "PX", version u8, type u8, payload length u32, CRC-32C of the payload u32,
// CRC-32C of these twelve bytes u32. The header has a check of its own so that a damaged length is not waited for.
export const frameHeaderBytes = 16
export const frameVersion = 1

const magicHigh = 0x50
const magicLow = 0x58
/** What is allocated for a frame before its bytes have arrived: a length alone buys no memory. */
const firstPayloadBytes = 65_536

export type OnFrame = (type: number, payload: Uint8Array) => void

export function encodeFrame(type: number, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(frameHeaderBytes + payload.length)
  frame.set(payload, frameHeaderBytes)
  writeHeader(frame, type, payload.length, crc32c(payload))
  return frame
}

/** One frame whose payload is the parts, one after another. */
export function encodeFrameParts(type: number, parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const frame = new Uint8Array(frameHeaderBytes + length)
  let at = frameHeaderBytes
  let checksum = 0
  for (const part of parts) {
    frame.set(part, at)
    at += part.length
    checksum = crc32c(part, checksum)
  }
  writeHeader(frame, type, length, checksum)
  return frame
}

/**
 * Cuts a byte stream into frames. Holds at most one header and one payload, and of that payload at most four times what has
 * arrived. Throws PaxosError BAD_FRAME; after that the stream has no meaning and every further `push` throws too.
 */
export class FrameDecoder {
  readonly #header = new Uint8Array(frameHeaderBytes)
  #headerFilled = 0
  #payloadBytesMax: number
  /** The payload that is being collected; undefined while a header is. */
  #payload: Uint8Array | undefined
  #payloadFilled = 0
  #payloadLength = 0
  #failed = false

  constructor(options: { readonly payloadBytesMax: number }) {
    this.#payloadBytesMax = options.payloadBytesMax
  }

  /** True while a frame has begun and not ended. */
  get midFrame(): boolean {
    return this.#headerFilled > 0
  }

  /** Takes effect with the next header, also within the chunk that is being pushed. */
  setPayloadBytesMax(bytes: number): void {
    this.#payloadBytesMax = bytes
  }

  /**
   * Calls `onFrame` for each frame that `chunk` completes. A payload is a view on the chunk when it lies in it whole,
   * otherwise a buffer of its own. Either way it stays valid as long as the caller leaves the chunk alone.
   */
  push(chunk: Uint8Array, onFrame: OnFrame): void {
    if (this.#failed) throw badFrame('the stream is already broken')
    this.#failed = true
    let at = 0
    while (at < chunk.length) {
      at = this.#payload === undefined ? this.#takeHeader(chunk, at, onFrame) : this.#takePayload(chunk, at, onFrame)
    }
    this.#failed = false
  }

  #takeHeader(chunk: Uint8Array, start: number, onFrame: OnFrame): number {
    const taken = Math.min(frameHeaderBytes - this.#headerFilled, chunk.length - start)
    this.#header.set(chunk.subarray(start, start + taken), this.#headerFilled)
    this.#headerFilled += taken
    const at = start + taken
    this.#checkEarly()
    if (this.#headerFilled < frameHeaderBytes) return at

    const length = this.#checkHeader()
    if (length <= chunk.length - at) {
      this.#headerFilled = 0
      this.#emit(chunk.subarray(at, at + length), onFrame)
      return at + length
    }
    this.#payload = new Uint8Array(Math.min(length, firstPayloadBytes))
    this.#payloadFilled = 0
    this.#payloadLength = length
    return at
  }

  #takePayload(chunk: Uint8Array, start: number, onFrame: OnFrame): number {
    const taken = Math.min(this.#payloadLength - this.#payloadFilled, chunk.length - start)
    const filled = this.#payloadFilled + taken
    const payload = this.#grown(filled)
    payload.set(chunk.subarray(start, start + taken), this.#payloadFilled)
    this.#payloadFilled = filled
    if (filled === this.#payloadLength) {
      this.#payload = undefined
      this.#headerFilled = 0
      this.#emit(payload.subarray(0, filled), onFrame)
    }
    return start + taken
  }

  #grown(wanted: number): Uint8Array {
    const payload = this.#payload
    assert(payload !== undefined, 'no payload is being collected')
    if (wanted <= payload.length) return payload
    const grown = new Uint8Array(Math.min(this.#payloadLength, Math.max(wanted, payload.length * 4)))
    grown.set(payload.subarray(0, this.#payloadFilled))
    this.#payload = grown
    return grown
  }

  /** Garbage is refused at its first byte, without waiting for a whole header. */
  #checkEarly(): void {
    const header = this.#header
    if (this.#headerFilled > 0 && header[0] !== magicHigh) throw badFrame('it does not begin with the magic "PX"')
    if (this.#headerFilled > 1 && header[1] !== magicLow) throw badFrame('it does not begin with the magic "PX"')
    if (this.#headerFilled > 2 && header[2] !== frameVersion) throw badFrame(`frame version is not ${frameVersion}`)
  }

  #checkHeader(): number {
    const header = this.#header
    if (crc32c(header.subarray(0, 12)) !== readU32(header, 12)) throw badFrame('the header check does not match')
    const length = readU32(header, 4)
    if (length > this.#payloadBytesMax) {
      throw badFrame(`payload of ${length} bytes, at most ${this.#payloadBytesMax} are allowed here`)
    }
    return length
  }

  #emit(payload: Uint8Array, onFrame: OnFrame): void {
    if (crc32c(payload) !== readU32(this.#header, 8)) throw badFrame('the payload checksum does not match')
    onFrame(this.#header[3] as number, payload)
  }
}

function writeHeader(frame: Uint8Array, type: number, length: number, checksum: number): void {
  assert(Number.isInteger(type) && type >= 0 && type <= 0xff, 'not a frame type: %s', type)
  assert(length <= 0xffffffff, 'payload too long for a frame: %s', length)
  frame[0] = magicHigh
  frame[1] = magicLow
  frame[2] = frameVersion
  frame[3] = type
  writeU32(frame, 4, length)
  writeU32(frame, 8, checksum)
  writeU32(frame, 12, crc32c(frame.subarray(0, 12)))
}

function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}

function readU32(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16)
  return (high | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)) >>> 0
}
