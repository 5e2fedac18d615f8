import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { assert } from '../../base/assert.ts'
import { clientProtocol } from '../../wire/client-codec.ts'
import type { ApiState } from './api-state.ts'
import { seenAddress } from './audit-origin.ts'
import { ByteBudget } from './byte-budget.ts'
import { jsonBytesMax } from './command-handlers.ts'
import type { ApiContext } from './context.ts'
import { HttpExchange } from './http-exchange.ts'
import { httpLimits } from './http-limits.ts'
import { listenOnPort, listenOnSocket } from './listen.ts'
import { PlainLane } from './plain/plain-lane.ts'
import { rawError } from './raw-error.ts'
import { route } from './router.ts'
import { StreamSet } from './stream-set.ts'

export interface ApiListen {
  readonly host: string
  readonly port: number
  /** Path of the unix socket for the local operator. */
  readonly socketPath?: string | undefined
}

interface Connection {
  readonly address: string
  /** Exchanges of node:http. */
  open: number
  last: HttpExchange | undefined
}

/** The client port and the unix socket: HTTP/1.1, and the upgrade to client streams. */
export class ApiServer {
  readonly #state: ApiState
  readonly #listen: ApiListen
  readonly #streams: StreamSet
  readonly #plain: PlainLane
  readonly #servers: Server[] = []
  readonly #connections = new Map<Duplex, Connection>()
  #open = 0
  #idle: (() => void) | undefined

  constructor(context: ApiContext, listen: ApiListen) {
    this.#state = {
      context,
      budget: new ByteBudget(context.limits.inFlightBytesMax),
      followers: new Set(),
      backups: 0,
      spaceWalks: 0,
      stopping: false,
    }
    this.#listen = listen
    this.#streams = new StreamSet(this.#state)
    this.#plain = new PlainLane(this.#state, () => this.#idle?.())
  }

  /** Open ones, client streams included. */
  get connections(): number {
    return this.#connections.size
  }

  /** Resolves to where it listens. Throws PaxosError PORT_IN_USE, BAD_CONFIG. */
  async start(): Promise<{ readonly host: string; readonly port: number }> {
    const { host, port, socketPath } = this.#listen
    const server = this.#createServer((socket) => seenAddress(socket.remoteAddress))
    await listenOnPort(server, host, port)
    this.#servers.push(server)
    if (socketPath !== undefined) {
      const local = this.#createServer(() => '')
      try {
        if (await listenOnSocket(local, socketPath, this.#state.context.logger)) this.#servers.push(local)
      } catch (error) {
        server.close()
        throw error
      }
    }
    for (const each of this.#servers) {
      each.on('error', (err) =>
        this.#state.context.logger.warn({ err }, 'A listener of the client API reports an error'),
      )
    }
    this.#streams.start()
    this.#plain.start()
    const address = server.address() as AddressInfo
    return { host: address.address, port: address.port }
  }

  /** Refuses what is new, finishes what is open within `graceMs`, then closes every connection. */
  async stop(graceMs = 5000): Promise<void> {
    this.#state.stopping = true
    const closed = this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())))
    for (const end of [...this.#state.followers]) end()
    this.#streams.stop()
    await this.#drained(graceMs)
    for (const socket of this.#connections.keys()) socket.destroy()
    this.#plain.stop()
    await Promise.all(closed)
  }

  #drained(graceMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, graceMs)
      this.#idle = () => {
        if (this.#open > 0 || this.#plain.open > 0 || this.#streams.size > 0) return
        clearTimeout(timer)
        resolve()
      }
      this.#streams.onEmpty = this.#idle
      this.#idle()
    })
  }

  #createServer(addressOf: (socket: Socket) => string): Server {
    const server = createServer({
      headersTimeout: httpLimits.headersTimeoutMs,
      requestTimeout: httpLimits.requestTimeoutMs,
      connectionsCheckingInterval: 1000,
      keepAliveTimeout: httpLimits.restTimeoutMs,
      maxHeaderSize: httpLimits.headerBytesMax,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 30_000,
      // A get without the events of an empty body: 5 to 18 % less time for a bare server.
      optimizeEmptyRequests: true,
      // Only for our own token; `Upgrade: h2c` and the like are served as plain HTTP.
      shouldUpgradeCallback: (request) => request.headers.upgrade === clientProtocol,
    })
    server.maxHeadersCount = httpLimits.headersMax
    server.maxRequestsPerSocket = httpLimits.connectionRequestsMax
    server.maxConnections = this.#state.context.limits.connectionsMax
    const [byHttp] = server.listeners('connection')
    assert(byHttp !== undefined, 'node:http does not listen for connections of its own server')
    server.removeAllListeners('connection')
    server.on('connection', (socket) => {
      const address = addressOf(socket)
      this.#onConnection(socket, address)
      this.#plain.take(socket, address, (left) => void byHttp.call(server, left))
    })
    server.on('request', (request, response) => this.#onRequest(request, response))
    server.on('checkContinue', (request, response) => this.#onContinue(request, response))
    server.on('upgrade', (request, socket, head) => this.#onUpgrade(request, socket, head))
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => this.#onClientError(error, socket))
    server.on('drop', () => this.#state.context.logger.debug({}, 'Too many connections: one was closed at once'))
    return server
  }

  #onConnection(socket: Socket, address: string): void {
    this.#connections.set(socket, { address, open: 0, last: undefined })
    socket.on('error', ignore)
    socket.once('close', () => this.#connections.delete(socket))
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    const connection = this.#connections.get(request.socket)
    const exchange = this.#exchange(request, response)
    if (connection !== undefined) {
      connection.open++
      connection.last = exchange
    }
    this.#open++
    response.once('close', () => {
      if (connection !== undefined) connection.open--
      this.#open--
      this.#state.budget.give(exchange.heldBytes)
      this.#idle?.()
    })
    if (this.#state.stopping) {
      exchange.refuseAsStopping()
    } else {
      exchange.guard(() => route(exchange, this.#state))
    }
  }

  #exchange(request: IncomingMessage, response: ServerResponse): HttpExchange {
    const address = this.#connections.get(request.socket)?.address ?? seenAddress(undefined)
    return new HttpExchange(request, response, address, this.#state.context.logger)
  }

  /** The client asks before it sends a body: a body that nobody would take is never sent. */
  #onContinue(request: IncomingMessage, response: ServerResponse): void {
    const { valueBytesMax } = this.#state.context.requestLimits
    const bytesMax = Math.max(valueBytesMax, jsonBytesMax(this.#state.context))
    if (Number(request.headers['content-length'] ?? 0) > bytesMax) {
      const exchange = this.#exchange(request, response)
      exchange.error('TOO_LARGE', `The body is larger than ${bytesMax} bytes`, undefined, ['connection', 'close'])
      return
    }
    response.writeContinue()
    this.#onRequest(request, response)
  }

  #onUpgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array): void {
    // An answer that is still being written on this connection would end up inside the stream.
    const connection = this.#connections.get(socket)
    if (connection === undefined || connection.open > 0) {
      socket.destroy()
      return
    }
    this.#streams.accept(request, socket as Socket, head, connection.address)
  }

  #onClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
    const connection = this.#connections.get(socket)
    const open = connection?.open ?? 0
    const midAnswer = open > 1 || (open === 1 && connection?.last?.answered === true)
    if (error.code === 'ECONNRESET' || !socket.writable || midAnswer) {
      socket.destroy()
      return
    }
    socket.end(rawError(error.code ?? ''), () => socket.destroy())
  }
}

/** The connection broke; its close event does the rest. */
function ignore(): void {}
