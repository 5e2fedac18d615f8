import { write, writeSync } from 'node:fs'
import type { LogSink } from './logger.ts'

const stderr = 2
const retryMs = 10
/** What the last lines may cost when the process ends and nobody reads. */
const flushMsMax = 1000

/**
 * Writes in the background: a stalled terminal or log collector must not stall consensus. A reader that is gone is no
 * reason to stop, and none to wait: pino's own destination retries a broken pipe for ever when it is flushed, and then a
 * node whose parent was killed never ends.
 */
export class StderrSink implements LogSink {
  readonly #bytesMax: number
  #waiting: Buffer[] = []
  #waitingBytes = 0
  #writing = false
  #gone = false

  /** What is beyond `bytesMax` of unwritten lines is dropped. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  write(text: string): void {
    const line = Buffer.from(text)
    if (this.#gone || this.#waitingBytes + line.length > this.#bytesMax) return
    this.#waiting.push(line)
    this.#waitingBytes += line.length
    this.#writeNext()
  }

  /** Before the process ends. What is being written in the background is on its way already. */
  flushSync(): void {
    const until = performance.now() + flushMsMax
    let left = this.#take()
    while (left.length > 0 && !this.#gone) {
      try {
        left = left.subarray(writeSync(stderr, left))
      } catch (error) {
        if (!isFull(error) || performance.now() > until) this.#gone = true
        else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, retryMs)
      }
    }
  }

  #take(): Buffer {
    const all = Buffer.concat(this.#waiting, this.#waitingBytes)
    this.#waiting = []
    this.#waitingBytes = 0
    return all
  }

  #writeNext(): void {
    if (this.#writing || this.#waitingBytes === 0) return
    this.#writing = true
    this.#writeAll(this.#take())
  }

  #writeAll(bytes: Buffer): void {
    write(stderr, bytes, (error, written) => {
      if (error !== null) {
        if (isFull(error)) setTimeout(() => this.#writeAll(bytes), retryMs).unref()
        else this.#gone = true
      } else if (written < bytes.length) {
        this.#writeAll(bytes.subarray(written))
      } else {
        this.#writing = false
        this.#writeNext()
      }
    })
  }
}

/** The pipe or terminal takes nothing now. */
function isFull(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'EAGAIN' || code === 'EBUSY' || code === 'EINTR'
}
