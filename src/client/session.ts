import { assert } from '../base/assert.ts'
import type { SessionStamp } from '../machine/request.ts'

/** Below the machine's window of 4096, so that a request is never refused for being too far ahead. */
export const sessionWindow = 4000

/** One session as its client sees it: hands out stamps, and knows which replies have come. */
export class ClientSession {
  readonly id: number
  readonly ttlMs: number
  readonly #finished = new Set<number>()
  #next = 1
  /** Every seq below is finished: answered, or given up for good. */
  #ackedBelow = 1
  /** Monotonic milliseconds at which the last answered request was sent: the session lives at least a TTL from then. */
  #aliveAt: number

  constructor(id: number, ttlMs: number, sentAt: number) {
    this.id = id
    this.ttlMs = ttlMs
    this.#aliveAt = sentAt
  }

  get aliveAt(): number {
    return this.#aliveAt
  }

  get full(): boolean {
    return this.#next - this.#ackedBelow >= sessionWindow
  }

  /** The server may have closed it, by the client's own clock. */
  isStale(now: number): boolean {
    return now - this.#aliveAt >= this.ttlMs
  }

  stamp(): SessionStamp {
    assert(!this.full, 'too many requests of one session are open')
    return { id: this.id, seq: this.#next++, ackedBelow: this.#ackedBelow }
  }

  /** `alive` when the server answered, which shows that the session lived when the request was sent. */
  finish(seq: number, sentAt: number, alive: boolean): void {
    this.#finished.add(seq)
    while (this.#finished.delete(this.#ackedBelow)) this.#ackedBelow++
    if (alive) this.touch(sentAt)
  }

  touch(sentAt: number): void {
    this.#aliveAt = Math.max(this.#aliveAt, sentAt)
  }
}
