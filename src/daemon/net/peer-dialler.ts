import { type ClientRequest, request as sendRequest } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { assert, unreachable } from '../../base/assert.ts'
import { PaxosError } from '../../base/error.ts'
import type { Member } from '../../protocol/epoch.ts'
import { encodeFrame, FrameDecoder } from '../../wire/frame.ts'
import { badFrame } from '../../wire/frame-error.ts'
import {
  decodeWelcome,
  encodeHello,
  helloBytesMax,
  type PeerIdentity,
  peerFrame,
  peerVersions,
} from '../../wire/hello.ts'
import type { Admission } from './admission.ts'
import type { GatedLog, PeerLogger } from './gated-log.ts'
import { Outbox } from './outbox.ts'
import { type PeerLimits, peerPath, peerToken } from './peer-limits.ts'

export interface DiallerOptions {
  readonly self: PeerIdentity
  readonly member: Member
  readonly limits: PeerLimits
  readonly admission: Admission
  readonly logger: PeerLogger
  readonly gatedLog: GatedLog
  /** Monotonic milliseconds. */
  readonly now: () => number
}

/** Of this node and the member that is dialled, one will have nothing to do with the other. */
export interface LinkRefusal {
  readonly by: 'node' | 'member'
  readonly code: string
  readonly message: string
}

type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'dialling'; readonly request: ClientRequest; lacks: 'connection' | 'upgrade'; deadline: number }
  | { readonly kind: 'greeting'; readonly socket: Duplex; deadline: number }
  | { readonly kind: 'open'; readonly socket: Duplex; pingedAt: number; progressAt: number }
  | { readonly kind: 'waiting'; readonly timer: NodeJS.Timeout }
  | { readonly kind: 'stopped' }

const ping = encodeFrame(peerFrame.ping, new Uint8Array(0))

/**
 * The connection that carries this node's messages to one member: dialled, greeted, kept alive and dialled again.
 * Messages without a connection are dropped at once: what waits for a peer that is away is stale when it returns.
 */
export class PeerDialler {
  readonly #options: DiallerOptions
  readonly #outbox: Outbox
  readonly #place: { readonly host: string; readonly port: number }
  #state: State = { kind: 'idle' }
  /** Dials since the link last proved good. */
  #attempts = 0
  #dropped = 0
  #dropping = false
  #peer: PeerIdentity | undefined
  #lastError: string | undefined
  #refusal: LinkRefusal | undefined

  constructor(options: DiallerOptions) {
    const { limits, member } = options
    this.#options = options
    this.#outbox = new Outbox(limits.queueBytesMax)
    this.#place = placeOf(member)
  }

  get member(): Member {
    return this.#options.member
  }

  get connected(): boolean {
    return this.#state.kind === 'open'
  }

  /** What the peer said of itself when it was last reached. */
  get peer(): PeerIdentity | undefined {
    return this.#peer
  }

  /** That the last dial ended in; undefined when it ended otherwise, or did not end. */
  get refusal(): LinkRefusal | undefined {
    return this.#refusal
  }

  get lastError(): string | undefined {
    return this.#lastError
  }

  get queuedBytes(): number {
    return this.#outbox.queuedBytes
  }

  get droppedMessages(): number {
    return this.#dropped
  }

  get writes(): number {
    return this.#outbox.writes
  }

  /** Dials now unless a connection is there or being made. */
  dial(): void {
    const state = this.#state
    if (state.kind === 'waiting') clearTimeout(state.timer)
    else if (state.kind !== 'idle') return
    this.#attempts++
    const { limits, now } = this.#options
    const headers = { connection: 'Upgrade', upgrade: peerToken }
    const settings = { ...this.#place, path: peerPath, headers, agent: false, maxHeaderSize: 8192 }
    const request = sendRequest(settings)
    // Its listeners stay: after the end of this dial, an error must not find nobody.
    request.on('error', (error) => this.#undialled(request, describe(error)))
    request.on('socket', (socket) => socket.once('connect', () => this.#connected(request)))
    request.on('response', ({ statusCode }) => this.#undialled(request, `bad upgrade: HTTP ${statusCode}`))
    request.on('upgrade', (_response, socket, head) => {
      if (head.length > 0) socket.unshift(head)
      if (this.#isDialled(request)) this.#greet(socket as Socket)
      else socket.on('error', ignore).destroy()
    })
    request.end()
    this.#state = { kind: 'dialling', request, lacks: 'connection', deadline: now() + limits.connectTimeoutMs }
  }

  send(frame: Uint8Array, isUrgent: boolean): void {
    if (this.#outbox.push(frame, isUrgent)) {
      this.#dropping = false
      return
    }
    this.drop()
    if (this.#state.kind !== 'open' || this.#dropping) return
    this.#dropping = true
    const { member, limits, gatedLog } = this.#options
    const fields = { peer: member.name, queuedBytes: this.queuedBytes, queueBytesMax: limits.queueBytesMax }
    gatedLog.warn(`full:${member.id}`, fields, 'peer link is full, messages are dropped')
  }

  /** Counts a message that could not even be queued. */
  drop(): void {
    this.#dropped++
  }

  /** `stalledMs` is how long this process itself did not run: silence meanwhile proves nothing. */
  tick(now: number, stalledMs: number): void {
    const state = this.#state
    const { limits } = this.#options
    if (state.kind === 'dialling') {
      state.deadline += stalledMs
      const withinMs = state.lacks === 'connection' ? limits.connectTimeoutMs : limits.helloTimeoutMs
      if (now > state.deadline) this.#fail(`no ${state.lacks} within ${withinMs} ms`)
    } else if (state.kind === 'greeting') {
      state.deadline += stalledMs
      if (now > state.deadline) this.#fail(`no welcome within ${limits.helloTimeoutMs} ms`)
    } else if (state.kind === 'open') {
      state.progressAt += stalledMs
      if (now - state.progressAt > limits.silenceTimeoutMs) {
        this.#fail(`no sign of life for ${limits.silenceTimeoutMs} ms`)
      } else if (now - state.pingedAt >= limits.pingIntervalMs) {
        state.pingedAt = now
        this.#outbox.push(ping)
      }
    }
  }

  stop(): void {
    this.#end()
    this.#state = { kind: 'stopped' }
    this.#outbox.detach()
  }

  /** Closes whatever there is of a connection, or of a plan to make one. */
  #end(): void {
    const state = this.#state
    if (state.kind === 'waiting') clearTimeout(state.timer)
    else if (state.kind === 'dialling') state.request.destroy()
    else if (state.kind === 'greeting' || state.kind === 'open') state.socket.destroy()
  }

  #isDialled(request: ClientRequest): boolean {
    return this.#state.kind === 'dialling' && this.#state.request === request
  }

  #connected(request: ClientRequest): void {
    const state = this.#state
    if (state.kind !== 'dialling' || state.request !== request) return
    state.lacks = 'upgrade'
    state.deadline = this.#options.now() + this.#options.limits.helloTimeoutMs
  }

  #undialled(request: ClientRequest, why: string): void {
    if (this.#isDialled(request)) this.#fail(why)
  }

  #greet(socket: Socket): void {
    const { self, limits, now } = this.#options
    const decoder = new FrameDecoder({ payloadBytesMax: helloBytesMax })
    socket.setKeepAlive(true, limits.silenceTimeoutMs)
    // node:http has removed its listeners: without ours, before anything else, an error would end the process.
    socket.on('error', (error) => this.#lost(socket, describe(error)))
    socket.on('close', () => this.#lost(socket, 'the connection was closed'))
    socket.on('end', () => this.#lost(socket, 'the peer closed the connection'))
    socket.on('drain', () => this.#drained(socket))
    socket.on('data', (chunk: Uint8Array) => this.#read(socket, decoder, chunk))
    this.#state = { kind: 'greeting', socket, deadline: now() + limits.helloTimeoutMs }
    const hello = encodeHello({ ...self, versionMin: peerVersions.min, versionMax: peerVersions.max })
    socket.write(encodeFrame(peerFrame.hello, hello))
  }

  #read(socket: Duplex, decoder: FrameDecoder, chunk: Uint8Array): void {
    try {
      decoder.push(chunk, (type, payload) => this.#onFrame(socket, type, payload))
    } catch (error) {
      if (!(error instanceof PaxosError)) throw error
      this.#lost(socket, error.message)
    }
  }

  #onFrame(socket: Duplex, type: number, payload: Uint8Array): void {
    const state = this.#state
    if ((state.kind !== 'greeting' && state.kind !== 'open') || state.socket !== socket) return
    if (state.kind === 'greeting' && type === peerFrame.welcome) {
      this.#onWelcome(socket, payload)
    } else if (state.kind === 'open' && type === peerFrame.pong && payload.length === 0) {
      state.progressAt = this.#options.now()
      this.#attempts = 0
    } else {
      throw badFrame(`frame type ${type} is not expected here`)
    }
  }

  #onWelcome(socket: Duplex, payload: Uint8Array): void {
    const { admission, member, logger, gatedLog, now } = this.#options
    const welcome = decodeWelcome(payload)
    switch (welcome.kind) {
      case 'refused': {
        const { code = 'unknown code', message } = welcome
        this.#fail(`${member.name} refused this node: ${code}: ${message}`, welcome.code)
        this.#refusal = { by: 'member', code, message }
        return
      }
      case 'accepted': {
        const problem = admission.judgeWelcome(welcome, member.id)
        if (problem !== undefined) {
          const { code, message } = problem
          this.#fail(`refused ${member.name}: ${code}: ${message}`, code)
          this.#refusal = { by: 'node', code, message }
          return
        }
        // Pinged at once, so that a good link is known as such soon.
        this.#state = { kind: 'open', socket, pingedAt: Number.NEGATIVE_INFINITY, progressAt: now() }
        this.#peer = welcome
        this.#lastError = undefined
        this.#refusal = undefined
        this.#outbox.attach(socket)
        gatedLog.forget(`down:${member.id}:`)
        const { incarnation, version } = welcome
        logger.info({ peer: member.name, address: member.peerAddress, incarnation, version }, 'peer link is up')
        return
      }
      default:
        unreachable(welcome)
    }
  }

  #drained(socket: Duplex): void {
    const state = this.#state
    if (state.kind !== 'open' || state.socket !== socket) return
    state.progressAt = this.#options.now()
    this.#outbox.drained()
  }

  /** One of several events says that a socket is of no more use; only the first for the current one counts. */
  #lost(socket: Duplex, why: string): void {
    const state = this.#state
    if ((state.kind === 'greeting' || state.kind === 'open') && state.socket === socket) this.#fail(why)
  }

  /** Closes what there is and dials again later. `topic` tells failures apart that deserve a log line each. */
  #fail(why: string, topic: string = this.#state.kind): void {
    const { member, limits, gatedLog } = this.#options
    const state = this.#state
    assert(state.kind !== 'stopped' && state.kind !== 'waiting', 'a link failed while %s', state.kind)
    this.#end()
    this.#outbox.detach()
    const doubled = limits.redialMinMs * 2 ** Math.min(this.#attempts - 1, 16)
    const pauseMs = Math.min(limits.redialMaxMs, Math.max(limits.redialMinMs, doubled)) * (0.5 + Math.random() / 2)
    this.#state = { kind: 'waiting', timer: setTimeout(() => this.dial(), pauseMs) }
    const fields = { peer: member.name, address: member.peerAddress, reason: why }
    const what = state.kind === 'open' ? 'peer link is down' : 'peer cannot be reached'
    gatedLog.warn(`down:${member.id}:${topic}`, fields, what)
    this.#lastError = why
    this.#refusal = undefined
  }
}

/** Throws PaxosError BAD_CONFIG. */
function placeOf(member: Member): { readonly host: string; readonly port: number } {
  const url = URL.parse(`http://${member.peerAddress}`)
  const port = /:(\d+)$/.exec(member.peerAddress)?.[1]
  if (url === null || port === undefined || url.pathname !== '/' || url.username !== '' || url.search !== '') {
    throw new PaxosError('BAD_CONFIG', `Peer address of ${member.name} is not host:port: "${member.peerAddress}"`)
  }
  return { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port) }
}

function describe(error: Error): string {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  return code === undefined || error.message.includes(code) ? error.message : `${code}: ${error.message}`
}

function ignore(): void {
  // The other end is given up on: what still goes wrong with it is of no interest.
}
