import type { Duplex } from 'node:stream'

/** How long a frame that is not urgent may wait for one that is: a write and a turn of the peer less for each. */
export const patienceMs = 2

/** Frames below this are joined into one buffer: cheaper than a vector of small ones. */
const joinBytesMax = 16_384
const joinedBytesMax = 65_536

/**
 * What waits for one socket. All that is pushed in one turn leaves in one write, in order; what is not urgent waits for
 * what is, `patienceMs` at most. While the socket is full everything waits, up to a bound, so that a slow peer costs
 * bounded memory.
 */
export class Outbox {
  readonly #bytesMax: number
  #socket: Duplex | undefined
  #frames: Uint8Array[] = []
  #bytes = 0
  #full = false
  #flushing = false
  #patience: NodeJS.Timeout | undefined
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
    this.#endPatience()
  }

  /** False when the frame was dropped: no socket, or too much is waiting. */
  push(frame: Uint8Array, isUrgent = true): boolean {
    if (this.#socket === undefined || this.queuedBytes + frame.length > this.#bytesMax) return false
    this.#frames.push(frame)
    this.#bytes += frame.length
    if (this.#flushing || this.#full) return true
    if (isUrgent) {
      this.#flushing = true
      queueMicrotask(() => this.#flush())
    } else {
      this.#patience ??= setTimeout(() => this.#flush(), patienceMs)
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
    this.#endPatience()
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

  #endPatience(): void {
    clearTimeout(this.#patience)
    this.#patience = undefined
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
