/** Follows the frames of a stream that passes through, without holding more than one header. */
import { frameHeaderBytes } from '../../src/wire/frame.ts'

/** What becomes of a frame: it goes on, it is left out whole, or it breaks off in the middle and nothing comes after it. */
export type FrameFate = 'pass' | 'drop' | 'tear'

const typeAt = 3
const lengthAt = 4

export class FrameWalk {
  #header: Buffer = Buffer.alloc(0)
  /** Bytes of the payload that are still to come. */
  #left = 0
  #fate: FrameFate = 'pass'

  /** What goes on of the chunk. `judge` is asked once for each frame, when its header is whole. */
  push(chunk: Buffer, judge: (type: number, length: number) => FrameFate): { parts: Buffer[]; isTorn: boolean } {
    const parts: Buffer[] = []
    let rest = chunk
    while (rest.length > 0) {
      if (this.#left > 0) {
        const payload = rest.subarray(0, this.#left)
        this.#left -= payload.length
        rest = rest.subarray(payload.length)
        if (this.#fate === 'pass') parts.push(payload)
        continue
      }
      const missing = frameHeaderBytes - this.#header.length
      this.#header = Buffer.concat([this.#header, rest.subarray(0, missing)])
      rest = rest.subarray(missing)
      if (this.#header.length < frameHeaderBytes) break
      const length = this.#header.readUInt32BE(lengthAt)
      this.#fate = judge(this.#header.readUInt8(typeAt), length)
      this.#left = length
      if (this.#fate !== 'drop') parts.push(this.#header)
      this.#header = Buffer.alloc(0)
      if (this.#fate !== 'tear') continue
      parts.push(rest.subarray(0, Math.floor(length / 2)))
      return { parts, isTorn: true }
    }
    return { parts, isTorn: false }
  }
}
