import type { Socket } from 'node:net'
import { peerFrame } from '../../src/wire/hello.ts'
import { FrameWalk } from './frame-walk.ts'

/** What is wrong with one direction of one pair of members. */
export interface Link {
  cut: boolean
  delayMs: number
  /** Bytes that pass in one step; undefined for as many as come. */
  trickleBytes: number | undefined
  /** How likely a message is left out, at its frame's boundaries. */
  loss: number
  /** The next message breaks off in the middle, and its connection with it. */
  tears: boolean
}

export const wellLink: Readonly<Link> = { cut: false, delayMs: 0, trickleBytes: undefined, loss: 0, tears: false }

const trickleMs = 10
/** A slow link takes no more from its sender than this, so that the sender comes to feel it. */
const slowBytesMax = 16_384

/** Bytes of one way of a connection, in order. */
export class Lane {
  readonly #from: Socket
  readonly #to: Socket
  readonly #link: () => Readonly<Link>
  readonly #onTorn: () => void
  /** Undefined on the way back, where there are no messages, and until the dialler's hello is over. */
  #walk: FrameWalk | undefined
  #held: Buffer[] = []
  #slow: Buffer[] = []
  #slowBytes = 0
  #timer: NodeJS.Timeout | undefined
  /** When the last chunk may go: none overtakes another. */
  #dueAt = 0
  /** Why nothing is read from the sender. */
  readonly #stops = new Set<'cut' | 'slow' | 'full'>()
  /** The other end is gone, and this end does not know. */
  swallows = false

  constructor(from: Socket, to: Socket, link: () => Readonly<Link>, onTorn: () => void) {
    this.#from = from
    this.#to = to
    this.#link = link
    this.#onTorn = onTorn
  }

  /** What comes from now on is frames. */
  followFrames(): void {
    this.#walk = new FrameWalk()
  }

  push(chunk: Buffer): void {
    if (this.swallows) return
    if (this.#link().cut) {
      this.#held.push(chunk)
      this.#stop('cut')
      return
    }
    if (this.#walk === undefined) {
      this.#delay(chunk)
      return
    }
    const { parts, isTorn } = this.#walk.push(chunk, (type) => {
      if (type !== peerFrame.message) return 'pass'
      const { tears, loss } = this.#link()
      if (tears) return 'tear'
      return Math.random() < loss ? 'drop' : 'pass'
    })
    if (isTorn) {
      for (const part of parts) this.#write(part)
      this.swallows = true
      // Once more than nothing of the torn frame has left.
      setImmediate(this.#onTorn)
      return
    }
    const [only, ...more] = parts
    if (only !== undefined) this.#delay(more.length === 0 ? only : Buffer.concat(parts))
  }

  /** A cut loses nothing that TCP would send again: what was held goes on when it heals. */
  release(): void {
    const held = this.#held
    this.#held = []
    this.#go('cut')
    for (const chunk of held) this.push(chunk)
    if (this.#link().trickleBytes === undefined) this.#flushSlow()
  }

  close(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#slow = []
  }

  #delay(chunk: Buffer): void {
    const now = performance.now()
    this.#dueAt = Math.max(this.#dueAt, now + this.#link().delayMs)
    if (this.#dueAt <= now) this.#send(chunk)
    else setTimeout(() => this.#send(chunk), this.#dueAt - now)
  }

  #send(chunk: Buffer): void {
    if (this.#link().trickleBytes === undefined && this.#slow.length === 0) {
      this.#write(chunk)
      return
    }
    this.#slow.push(chunk)
    this.#slowBytes += chunk.length
    if (this.#slowBytes > slowBytesMax) this.#stop('slow')
    this.#timer ??= setInterval(() => this.#step(), trickleMs)
  }

  #step(): void {
    const { trickleBytes } = this.#link()
    const first = this.#slow.shift()
    if (trickleBytes === undefined || first === undefined) {
      if (first !== undefined) this.#slow.unshift(first)
      this.#flushSlow()
      return
    }
    if (first.length > trickleBytes) this.#slow.unshift(first.subarray(trickleBytes))
    const part = first.subarray(0, trickleBytes)
    this.#slowBytes -= part.length
    this.#write(part)
    if (this.#slowBytes < slowBytesMax / 2) this.#go('slow')
  }

  #flushSlow(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    const slow = this.#slow
    this.#slow = []
    this.#slowBytes = 0
    for (const chunk of slow) this.#write(chunk)
    this.#go('slow')
  }

  #write(chunk: Buffer): void {
    if (this.swallows || this.#to.destroyed) return
    if (this.#to.write(chunk)) return
    this.#stop('full')
    this.#to.once('drain', () => this.#go('full'))
  }

  #stop(why: 'cut' | 'slow' | 'full'): void {
    this.#stops.add(why)
    this.#from.pause()
  }

  #go(why: 'cut' | 'slow' | 'full'): void {
    this.#stops.delete(why)
    if (this.#stops.size === 0) this.#from.resume()
  }
}
