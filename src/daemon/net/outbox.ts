import type { Duplex } from 'node:stream'

/** Frames below this are joined into one buffer: cheaper than a vector of small ones. */
const joinBytesMax = 16_384
const joinedBytesMax = 65_536

/**
 * What waits for one socket. All that is pushed in one turn leaves in one write; while the socket is full it waits here,
 * up to a bound, so that a slow peer costs bounded memory.
 */
export class Outbox {
  readonly #bytesMax: number
  #socket: Duplex | undefined
  #frames: Uint8Array[] = []
  #bytes = 0
  #full = false
  #flushing = false
  #writes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Here and in the socket, in bytes. */
  get queuedBytes(): number {
    return this.#bytes + (this.#socket?.writableLength ?? 0)
  }

  /** Times that something was handed to a socket. */
  get writes(): number {
    return this.#writes
  }

  attach(socket: Duplex): void {
    this.#socket = socket
    this.#full = false
  }

  /** The socket is gone, and what waited for it with it. */
  detach(): void {
    this.#socket = undefined
    this.#frames = []
    this.#bytes = 0
  }

  /** False when the frame was dropped: no socket, or too much is waiting. */
  push(frame: Uint8Array): boolean {
    if (this.#socket === undefined || this.queuedBytes + frame.length > this.#bytesMax) return false
    this.#frames.push(frame)
    this.#bytes += frame.length
    if (!this.#flushing && !this.#full) {
      this.#flushing = true
      queueMicrotask(() => this.#flush())
    }
    return true
  }

  /** The socket takes bytes again. */
  drained(): void {
    this.#full = false
    this.#flush()
  }

  #flush(): void {
    this.#flushing = false
    const socket = this.#socket
    if (socket === undefined || this.#full || this.#frames.length === 0) return
    const frames = this.#frames
    this.#frames = []
    this.#bytes = 0
    this.#writes++
    const buffers = join(frames)
    if (buffers.length > 1) socket.cork()
    for (const buffer of buffers) socket.write(buffer)
    if (buffers.length > 1) socket.uncork()
    this.#full = socket.writableNeedDrain
  }
}

function join(frames: readonly Uint8Array[]): readonly Uint8Array[] {
  if (frames.length === 1) return frames
  const buffers: Uint8Array[] = []
  let run: Uint8Array[] = []
  let runBytes = 0
  const endRun = (): void => {
    const [only] = run
    if (only !== undefined) buffers.push(run.length === 1 ? only : Buffer.concat(run, runBytes))
    run = []
    runBytes = 0
  }
  for (const frame of frames) {
    const large = frame.length >= joinBytesMax
    if (large || runBytes + frame.length > joinedBytesMax) endRun()
    if (large) {
      buffers.push(frame)
    } else {
      run.push(frame)
      runBytes += frame.length
    }
  }
  endRun()
  return buffers
}
