import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { PaxosError } from '../../base/error.ts'
import type { Origin } from '../../protocol/origin.ts'
import { actorHeader } from '../../wire/actor.ts'
import { clientProtocol, clientStreamPath, type LeaderHint } from '../../wire/client-codec.ts'
import type { ApiState } from './api-state.ts'
import { toOrigin } from './audit-origin.ts'
import { errorBody } from './errors.ts'
import { memberName } from './status-handlers.ts'
import { StreamSession } from './stream-session.ts'

const checkMs = 100

/** The client streams of one server. Tells them of a new leader. */
export class StreamSet {
  readonly #state: ApiState
  readonly #sessions = new Set<StreamSession>()
  #timer: NodeJS.Timeout | undefined
  onEmpty: (() => void) | undefined

  constructor(state: ApiState) {
    this.#state = state
  }

  get size(): number {
    return this.#sessions.size
  }

  start(): void {
    this.#timer = setInterval(() => this.#check(), checkMs)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
    for (const session of this.#sessions) session.stop()
  }

  accept(request: IncomingMessage, socket: Socket, head: Uint8Array, address: string): void {
    if (request.url !== clientStreamPath || request.method !== 'GET') {
      refuse(socket, '404 Not Found', errorBody('NOT_FOUND', 'Streams are at another path', `GET ${clientStreamPath}`))
      return
    }
    if (this.#state.stopping) {
      refuse(socket, '503 Service Unavailable', errorBody('STOPPING', 'The node is stopping'))
      return
    }
    let origin: Origin
    try {
      origin = toOrigin(request.headers[actorHeader], address, this.#state.context)
    } catch (error) {
      if (!(error instanceof PaxosError)) throw error
      refuse(socket, '400 Bad Request', errorBody(error.code, error.message))
      return
    }
    // From here no timeout of the HTTP server guards the socket.
    socket.setNoDelay(true)
    socket.setKeepAlive(true, 30_000)
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: ${clientProtocol}\r\n\r\n`)
    const session = new StreamSession(socket, this.#state, this.#leader(), origin)
    this.#sessions.add(session)
    socket.once('close', () => {
      this.#sessions.delete(session)
      if (this.#sessions.size === 0) this.onEmpty?.()
    })
    if (head.length > 0) session.receive(head)
  }

  #check(): void {
    if (this.#sessions.size === 0) return
    const leader = this.#leader()
    const now = performance.now()
    for (const session of this.#sessions) {
      session.onLeader(leader)
      session.checkDeadline(now)
    }
  }

  #leader(): LeaderHint {
    const { context } = this.#state
    const status = context.replica.status()
    const id = status.engine.leader
    if (id === undefined) return { name: undefined, clientAddress: undefined }
    const clientAddress = id === status.self ? context.node.clientAddress : context.memberClientAddress(id)
    return { name: memberName(status, id), clientAddress }
  }
}

function refuse(socket: Socket, status: string, body: string): void {
  const head = `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: application/json\r\n`
  socket.end(`${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`, () => socket.destroy())
}
