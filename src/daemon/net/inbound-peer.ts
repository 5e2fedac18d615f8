import type { Duplex } from 'node:stream'
import { PaxosError } from '../../base/error.ts'
import type { EpochNumber, GroupId, NodeId } from '../../protocol/ids.ts'
import type { PeerMessage } from '../../runtime/peer-message.ts'
import { encodeFrame, FrameDecoder } from '../../wire/frame.ts'
import { badFrame } from '../../wire/frame-error.ts'
import {
  decodeHello,
  encodeWelcome,
  type Hello,
  helloBytesMax,
  type PeerIdentity,
  peerFrame,
} from '../../wire/hello.ts'
import { decodePeer } from '../../wire/peer-codec.ts'
import type { Verdict } from './admission.ts'
import type { PeerLimits } from './peer-limits.ts'

/** Takes what a member sent. Must not throw on messages that make no sense, only when this node itself is broken. */
export type OnPeerMessage = (from: NodeId, group: GroupId, epoch: EpochNumber, message: PeerMessage) => void

export interface InboundOptions {
  readonly socket: Duplex
  readonly self: PeerIdentity
  readonly limits: PeerLimits
  readonly now: () => number
  /** Judges the hello; an accepted connection has replaced any other of that node when this returns. */
  readonly onHello: (peer: InboundPeer, hello: Hello) => Verdict
  /** Called once, when the dialler has said something since the welcome: until then it may not like what it read there. */
  readonly onSettled: (hello: Hello) => void
  readonly onMessage: OnPeerMessage
  /** Called once. `why` is undefined when the peer closed in good order. */
  readonly onClosed: (peer: InboundPeer, why: string | undefined) => void
}

/** A dialler that sends pings and never reads the pongs is cut off when this much waits for it. */
const answerBytesMax = 65_536
/** How long a refused dialler has to read why. */
const refusalMs = 1000

const pong = encodeFrame(peerFrame.pong, new Uint8Array(0))

/** One accepted connection: first a hello, then messages and pings. All that comes in is hostile until judged. */
export class InboundPeer {
  readonly #options: InboundOptions
  readonly #decoder = new FrameDecoder({ payloadBytesMax: helloBytesMax })
  #phase: 'greeting' | 'open' | 'refused' | 'closed' = 'greeting'
  #hello: Hello | undefined
  #isSettled = false
  /** When the phase, the frame in progress and the last byte began. */
  #since: number
  #frameSince: number | undefined
  #heardAt: number
  #framesSeen = 0
  #budgetSince = 0
  #budgetSpentMs = 0
  #throttle: NodeJS.Timeout | undefined

  constructor(options: InboundOptions) {
    const { socket, now } = options
    this.#options = options
    this.#since = now()
    this.#heardAt = this.#since
    // Node has removed its listeners: without ours, before anything else, an error would end the process.
    socket.on('error', (error) => this.close(error.message))
    socket.on('close', () => this.close(undefined))
    socket.on('end', () => this.close(this.#decoder.midFrame ? 'the stream ended within a frame' : undefined))
    socket.on('data', (chunk: Uint8Array) => this.read(chunk))
  }

  get hello(): Hello | undefined {
    return this.#hello
  }

  read(chunk: Uint8Array): void {
    if (this.#phase === 'closed' || this.#phase === 'refused') return
    const now = this.#options.now()
    this.#heardAt = now
    const framesBefore = this.#framesSeen
    try {
      this.#decoder.push(chunk, (type, payload) => this.#onFrame(type, payload))
    } catch (error) {
      // Anything else is a fault of this node, and must stop it.
      if (!(error instanceof PaxosError) || error.code !== 'BAD_FRAME') throw error
      this.close(error.message)
      return
    }
    if (!this.#decoder.midFrame) this.#frameSince = undefined
    else if (this.#frameSince === undefined || this.#framesSeen !== framesBefore) this.#frameSince = now
  }

  /** `stalledMs` is how long this process itself did not run: silence meanwhile proves nothing. */
  tick(now: number, stalledMs: number): void {
    const { limits } = this.#options
    this.#since += stalledMs
    this.#heardAt += stalledMs
    if (this.#frameSince !== undefined) this.#frameSince += stalledMs
    // While this side does not read, silence is its own.
    if (this.#throttle !== undefined) return
    if (this.#phase === 'refused') {
      if (now - this.#since > refusalMs) this.close(undefined)
    } else if (this.#phase === 'greeting' && now - this.#since > limits.helloTimeoutMs) {
      this.close(`no hello within ${limits.helloTimeoutMs} ms`)
    } else if (this.#frameSince !== undefined && now - this.#frameSince > limits.frameTimeoutMs) {
      this.close(`a frame did not end within ${limits.frameTimeoutMs} ms`)
    } else if (now - this.#heardAt > limits.idleTimeoutMs) {
      this.close(`nothing heard for ${limits.idleTimeoutMs} ms`)
    }
  }

  close(why: string | undefined): void {
    if (this.#phase === 'closed') return
    const reported = this.#phase !== 'refused'
    this.#phase = 'closed'
    clearTimeout(this.#throttle)
    this.#options.socket.destroy()
    this.#options.onClosed(this, reported ? why : undefined)
  }

  #onFrame(type: number, payload: Uint8Array): void {
    this.#framesSeen++
    switch (this.#phase) {
      case 'greeting':
        if (type !== peerFrame.hello) throw badFrame(`frame type ${type} came before a hello`)
        this.#onHello(decodeHello(payload))
        return
      case 'open':
        if (type === peerFrame.message) this.#onMessage(payload)
        else if (type === peerFrame.ping && payload.length === 0) this.#onPing()
        else throw badFrame(`frame type ${type} is not expected here`)
        this.#settle()
        return
      default:
        // What follows in the same chunk after the end is of no interest.
        return
    }
  }

  #onHello(hello: Hello): void {
    const { socket, self, limits, now, onHello } = this.#options
    this.#hello = hello
    const verdict = onHello(this, hello)
    this.#since = now()
    if (verdict.kind === 'refused') {
      this.#phase = 'refused'
      // Half of a polite end: the reason is on its way, and `tick` closes if the dialler does not.
      socket.end(encodeFrame(peerFrame.welcome, encodeWelcome(verdict)))
      return
    }
    this.#phase = 'open'
    this.#decoder.setPayloadBytesMax(limits.frameBytesMax)
    const welcome = encodeWelcome({ ...self, kind: 'accepted', protocolVersion: verdict.protocolVersion })
    socket.write(encodeFrame(peerFrame.welcome, welcome))
  }

  #settle(): void {
    if (this.#isSettled || this.#hello === undefined) return
    this.#isSettled = true
    this.#options.onSettled(this.#hello)
  }

  #onMessage(payload: Uint8Array): void {
    const { now, onMessage } = this.#options
    const began = now()
    const { group, epoch, message } = decodePeer(payload)
    this.#spend(began, now())
    if (this.#hello !== undefined) onMessage(this.#hello.nodeId, group, epoch, message)
  }

  #onPing(): void {
    const { socket } = this.#options
    if (socket.writableLength > answerBytesMax) throw badFrame('it pings and does not read the answers')
    socket.write(pong)
  }

  /** Back-pressure by not reading: one peer must not take the whole event loop with frames that are dear to decode. */
  #spend(began: number, ended: number): void {
    const { socket, limits } = this.#options
    if (began - this.#budgetSince >= 1000) {
      this.#budgetSince = began
      this.#budgetSpentMs = 0
    }
    this.#budgetSpentMs += ended - began
    if (this.#budgetSpentMs <= limits.decodeMsPerSecondMax || this.#throttle !== undefined) return
    socket.pause()
    this.#throttle = setTimeout(
      () => {
        this.#throttle = undefined
        this.#heardAt = this.#options.now()
        if (this.#frameSince !== undefined) this.#frameSince = this.#heardAt
        socket.resume()
      },
      this.#budgetSince + 1000 - ended,
    )
  }
}
