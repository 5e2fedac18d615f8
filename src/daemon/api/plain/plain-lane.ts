import type { Socket } from 'node:net'
import { assert } from '../../../base/assert.ts'
import type { ApiState } from '../api-state.ts'
import type { ApiLogger } from '../context.ts'
import { httpLimits } from '../http-limits.ts'
import { routeKey } from '../router.ts'
import { PlainConnection, type PlainOwner, sweepMs } from './plain-connection.ts'
import type { PlainExchange } from './plain-exchange.ts'

/** Reads the connections of a server for as long as what comes is plain, and gives the others to node:http (ADR 0015). */
export class PlainLane implements PlainOwner {
  readonly logger: ApiLogger
  readonly #state: ApiState
  readonly #onIdle: () => void
  /** With how each goes on when it is handed over. */
  readonly #connections = new Map<PlainConnection, (socket: Socket) => void>()
  #timer: NodeJS.Timeout | undefined
  #open = 0
  keepingHeaders = ''
  closingHeaders = ''

  /** `onIdle` is called whenever an exchange is over. */
  constructor(state: ApiState, onIdle: () => void) {
    this.logger = state.context.logger
    this.#state = state
    this.#onIdle = onIdle
    this.#setDate()
  }

  /** Exchanges that are not over. */
  get open(): number {
    return this.#open
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#setDate()
      for (const connection of this.#connections.keys()) connection.sweep()
    }, sweepMs)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** `byHttp` gets the socket, with what is unread put back, as soon as something is not plain. */
  take(socket: Socket, address: string, byHttp: (socket: Socket) => void): void {
    this.#connections.set(new PlainConnection(socket, address, this), byHttp)
  }

  serve(exchange: PlainExchange): void {
    this.#open++
    if (this.#state.stopping) exchange.refuseAsStopping()
    else exchange.guard(() => routeKey(exchange, this.#state))
  }

  onOver(exchange: PlainExchange): void {
    this.#open--
    assert(this.#open >= 0, 'an exchange was over twice')
    this.#state.budget.give(exchange.heldBytes)
    this.#onIdle()
  }

  handOver(connection: PlainConnection, unread: Buffer | undefined): void {
    const byHttp = this.#connections.get(connection)
    assert(byHttp !== undefined, 'a connection was handed over twice')
    this.#connections.delete(connection)
    const { socket } = connection
    socket.pause()
    if (unread !== undefined) socket.unshift(unread)
    byHttp(socket)
    socket.resume()
  }

  onClosed(connection: PlainConnection): void {
    this.#connections.delete(connection)
  }

  #setDate(): void {
    const date = `date: ${new Date().toUTCString()}\r\n`
    this.keepingHeaders = `${date}connection: keep-alive\r\nkeep-alive: timeout=${httpLimits.restTimeoutMs / 1000}\r\n\r\n`
    this.closingHeaders = `${date}connection: close\r\n\r\n`
  }
}
