import type { Socket } from 'node:net'
import type { ApiLogger } from '../context.ts'
import { httpLimits } from '../http-limits.ts'
import { rawError } from '../raw-error.ts'
import { type PlainAnswer, PlainExchange } from './plain-exchange.ts'
import { LastHeaders, type PlainRequest, readPlainRequest } from './plain-request.ts'

/** What a connection is part of. */
export interface PlainOwner {
  readonly logger: ApiLogger
  /** The headers that end an answer, with the empty line after them. */
  readonly keepingHeaders: string
  /** The same for the last answer of a connection. */
  readonly closingHeaders: string
  /** Begins an exchange, which may be answered at once. */
  serve(exchange: PlainExchange): void
  /** The answer is with the system, or nobody waits for it any more. Once for each. */
  onOver(exchange: PlainExchange): void
  /** What comes from `unread` on is not plain: node:http has the socket now. */
  handOver(connection: PlainConnection, unread: Buffer | undefined): void
  onClosed(connection: PlainConnection): void
}

/** How often `sweep` is to be called. */
export const sweepMs = 1000
/** Sweeps that a connection may rest between two requests. */
const restingSweepsMax = httpLimits.restTimeoutMs / sweepMs
/** Sweeps that a client may take to see that the connection has ended. */
const lingeringSweepsMax = 2
/** Sweeps that a part of a request, or the first one, may take here. */
const partSweepsMax = 2

/** A connection for as long as its requests are plain. */
export class PlainConnection {
  readonly socket: Socket
  readonly address: string
  readonly #owner: PlainOwner
  #unread: Buffer | undefined
  /** With fewer bytes there is no use in reading it. */
  #needed = 0
  readonly #lastHeaders = new LastHeaders()
  /** In the order of the requests, in which the answers leave. */
  readonly #open: PlainExchange[] = []
  #served = 0
  #sweeps = 0
  /** leaving: node:http gets it when all that is open is answered; ending: it is closed then; over: neither is to come. */
  #state: 'serving' | 'leaving' | 'ending' | 'over' = 'serving'
  #hasEnded = false
  #isReading = false

  constructor(socket: Socket, address: string, owner: PlainOwner) {
    this.socket = socket
    this.address = address
    this.#owner = owner
    socket.on('data', this.#onData)
    socket.on('drain', this.#goOn)
    socket.on('end', this.#onEnd)
    socket.on('close', this.#onClose)
  }

  /** Writes the answers that are there, as far as none before them is missing, and goes on. */
  onAnswer(): void {
    while (this.#state !== 'over') {
      const exchange = this.#open[0]
      if (exchange?.answer === undefined) break
      this.#open.shift()
      this.#write(exchange, exchange.answer)
    }
    this.#goOn()
  }

  /** Called every `sweepMs`. */
  sweep(): void {
    if (this.#open.length > 0 || this.socket.writableLength > 0) {
      this.#sweeps = 0
      return
    }
    this.#sweeps++
    if (this.#state === 'over') {
      if (this.#sweeps >= lingeringSweepsMax) this.socket.destroy()
      return
    }
    // node:http has limits of time for what comes slowly, and an answer for it.
    const isPart = this.#unread !== undefined || this.#served === 0
    if (isPart && this.#sweeps >= partSweepsMax) this.#leave()
    else if (this.#sweeps > restingSweepsMax) this.socket.destroy()
  }

  readonly #onData = (chunk: Buffer): void => {
    // Read, and not kept: see `#close`.
    if (this.#state === 'ending' || this.#state === 'over') return
    if (this.#unread === undefined) this.#sweeps = 0
    this.#unread = this.#unread === undefined ? chunk : Buffer.concat([this.#unread, chunk])
    this.#goOn()
  }

  readonly #onEnd = (): void => {
    this.#hasEnded = true
    this.#goOn()
  }

  readonly #onClose = (): void => {
    this.#detach()
    for (const exchange of this.#open.splice(0)) this.#abandon(exchange)
    this.#owner.onClosed(this)
  }

  readonly #goOn = (): void => {
    if (this.#isReading) return
    this.#isReading = true
    this.#read()
    this.#isReading = false
    if (this.#state === 'ending') this.#unread = undefined
    if (this.#state === 'ending' && this.socket.isPaused()) this.socket.resume()
    if (this.#open.length > 0 || this.#state === 'over') return
    if (this.#state === 'leaving' && !this.#hasEnded) this.#leave()
    else if (this.#state === 'ending' || (this.#hasEnded && !this.socket.writableNeedDrain)) this.#close()
  }

  /** Everything is answered, but for what a client that ended its side did not finish. */
  #close(): void {
    this.#state = 'over'
    if (this.#unread !== undefined) this.socket.write(rawError(''))
    this.#unread = undefined
    this.#sweeps = 0
    // Not destroyed at once: the system would throw away answers when there is something to read, or more comes.
    this.socket.end()
  }

  /** Serves what has come, as far as there is room for answers. */
  #read(): void {
    while (this.#state === 'serving') {
      if (this.#open.length >= httpLimits.plainRequestsMax || this.socket.writableNeedDrain) {
        this.socket.pause()
        return
      }
      const request = this.#next()
      if (typeof request === 'number') {
        this.#needed = request
        if (this.socket.isPaused()) this.socket.resume()
        return
      }
      if (request !== 'other') this.#serve(request)
      else {
        this.socket.pause()
        this.#state = 'leaving'
      }
    }
  }

  #next(): ReturnType<typeof readPlainRequest> {
    const unread = this.#unread
    return unread === undefined || unread.length < this.#needed
      ? this.#needed
      : readPlainRequest(unread, this.#lastHeaders)
  }

  #serve(request: PlainRequest): void {
    const unread = this.#unread?.subarray(request.bytes)
    this.#unread = unread === undefined || unread.length === 0 ? undefined : unread
    this.#needed = 0
    this.#sweeps = 0
    this.#served++
    if (this.#served === httpLimits.connectionRequestsMax) this.#state = 'ending'
    const exchange = new PlainExchange(request, this, this.#owner.logger)
    this.#open.push(exchange)
    this.#owner.serve(exchange)
  }

  #write(exchange: PlainExchange, { head, body, closes }: PlainAnswer): void {
    const { socket } = this
    if (closes) {
      this.#state = 'ending'
      for (const next of this.#open.splice(0)) this.#abandon(next)
    }
    const isLast = this.#state === 'ending' && this.#open.length === 0
    const text = head + (isLast ? this.#owner.closingHeaders : this.#owner.keepingHeaders)
    if (typeof body === 'string') socket.write(text + body, 'latin1')
    else {
      socket.cork()
      socket.write(text, 'latin1')
      socket.write(body)
      socket.uncork()
    }
    if (socket.writableLength === 0) this.#owner.onOver(exchange)
    else socket.write('', () => this.#owner.onOver(exchange))
  }

  #abandon(exchange: PlainExchange): void {
    exchange.abandoned = true
    this.#owner.onOver(exchange)
  }

  #leave(): void {
    this.#detach()
    this.#owner.handOver(this, this.#unread)
  }

  #detach(): void {
    this.#state = 'over'
    this.socket.off('data', this.#onData)
    this.socket.off('drain', this.#goOn)
    this.socket.off('end', this.#onEnd)
    this.socket.off('close', this.#onClose)
  }
}
