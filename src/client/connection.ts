import { request as httpRequest } from 'node:http'
import type { Socket } from 'node:net'
import { PaxosError } from '../base/error.ts'
import { actorHeader } from '../wire/actor.ts'
import {
  clientFrames,
  clientProtocol,
  clientStreamPath,
  decodeAnswers,
  decodeHello,
  decodeLeaderNotice,
  decodeStreamError,
  encodeRequests,
  type LeaderHint,
  type StreamAnswer,
  type StreamHello,
  type StreamRequest,
} from '../wire/client-codec.ts'
import { FrameDecoder } from '../wire/frame.ts'
import type { Endpoint } from './endpoint.ts'

/** One answer may hold 4 MiB of items and one item more. */
const answerBytesMax = 64 * 1024 * 1024

export interface ConnectionEvents<T> {
  onAnswer(sent: T, answer: StreamAnswer): void
  onLeader(leader: LeaderHint): void
  /** Once. `unanswered` was sent, and may have been received. */
  onClosed(reason: PaxosError, unanswered: readonly T[]): void
}

/** An upgraded connection after the server's hello. What is sent in one turn leaves in one write. */
export class Connection<T> {
  readonly endpoint: Endpoint
  readonly hello: StreamHello
  /** As the server last told. */
  leader: LeaderHint
  /** Monotonic milliseconds of the last byte from the server. */
  heardAt: number = performance.now()
  readonly #socket: Socket
  readonly #decoder: FrameDecoder
  readonly #events: ConnectionEvents<T>
  readonly #open = new Map<number, T>()
  #batch: StreamRequest[] = []
  #batchBytes = 0
  #flushing = false
  #nextId = 1
  #closed = false
  #serverError: PaxosError | undefined

  constructor(
    socket: Socket,
    decoder: FrameDecoder,
    endpoint: Endpoint,
    hello: StreamHello,
    events: ConnectionEvents<T>,
  ) {
    this.#socket = socket
    this.#decoder = decoder
    this.endpoint = endpoint
    this.hello = hello
    this.leader = hello.leader
    this.#events = events
    socket.on('data', (chunk: Uint8Array) => this.receive(chunk))
    socket.on('close', () => this.#onClosed(new PaxosError('CANNOT_CONNECT', `${endpoint.url} closed the connection`)))
  }

  get outstanding(): number {
    return this.#open.size
  }

  get closed(): boolean {
    return this.#closed
  }

  /** How many more requests the server takes now. */
  get room(): number {
    return this.#closed ? 0 : this.hello.limits.outstandingMax - this.#open.size
  }

  send(sent: T, build: (id: number) => StreamRequest, bytes: number): void {
    const id = this.#nextId++
    this.#open.set(id, sent)
    const { requestsPerFrameMax, frameBytesMax } = this.hello.limits
    const full = this.#batch.length >= requestsPerFrameMax || this.#batchBytes + bytes + 64 > frameBytesMax
    if (full) this.#flush()
    this.#batch.push(build(id))
    // 64 bytes are more than what the frame adds to one request.
    this.#batchBytes += bytes + 64
    if (this.#flushing) return
    this.#flushing = true
    setImmediate(() => {
      this.#flushing = false
      this.#flush()
    })
  }

  /** Asks for a sign of life. */
  ping(): void {
    this.#flush()
    if (!this.#closed) this.#socket.write(encodeRequests([{ kind: 'ping', id: 0 }]))
  }

  close(reason: PaxosError): void {
    this.#flush()
    this.#socket.destroySoon()
    this.#onClosed(reason)
  }

  receive(chunk: Uint8Array): void {
    if (this.#closed) return
    this.heardAt = performance.now()
    try {
      this.#decoder.push(chunk, (type, payload) => this.onFrame(type, payload))
    } catch (error) {
      if (!(error instanceof PaxosError)) throw error
      this.#socket.destroy()
      this.#onClosed(error)
    }
  }

  onFrame(type: number, payload: Uint8Array): void {
    switch (type) {
      case clientFrames.answers:
        for (const answer of decodeAnswers(payload)) this.#onAnswer(answer)
        return
      case clientFrames.leader:
        this.leader = decodeLeaderNotice(payload)
        this.#events.onLeader(this.leader)
        return
      case clientFrames.error: {
        const { code, message } = decodeStreamError(payload)
        this.#serverError = new PaxosError(code, `${this.endpoint.url} ended the stream: ${message}`)
        return
      }
      default:
        throw new PaxosError('BAD_FRAME', `Frame type ${type} is not for a client`)
    }
  }

  #onAnswer(answer: StreamAnswer): void {
    const sent = this.#open.get(answer.id)
    // Pongs name nobody.
    if (sent === undefined) return
    this.#open.delete(answer.id)
    this.#events.onAnswer(sent, answer)
  }

  #flush(): void {
    if (this.#closed || this.#batch.length === 0) return
    const batch = this.#batch
    this.#batch = []
    this.#batchBytes = 0
    this.#socket.write(encodeRequests(batch))
  }

  #onClosed(reason: PaxosError): void {
    if (this.#closed) return
    this.#closed = true
    const unanswered = [...this.#open.values()]
    this.#open.clear()
    this.#events.onClosed(this.#serverError ?? reason, unanswered)
  }
}

/** Dials, upgrades and waits for the hello. `actor` is ready to be sent. Rejects with PaxosError CANNOT_CONNECT. */
export function connect<T>(
  endpoint: Endpoint,
  actor: string,
  timeoutMs: number,
  events: ConnectionEvents<T>,
): Promise<Connection<T>> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      ...(endpoint.kind === 'tcp' ? { host: endpoint.host, port: endpoint.port } : { socketPath: endpoint.path }),
      path: clientStreamPath,
      headers: { connection: 'Upgrade', upgrade: clientProtocol, [actorHeader]: actor },
      agent: false,
    })
    const timer = setTimeout(() => fail(`no answer within ${timeoutMs} ms`), timeoutMs)
    let socket: Socket | undefined
    const fail = (why: string, cause?: unknown): void => {
      clearTimeout(timer)
      request.destroy()
      socket?.destroy()
      reject(cannotConnect(endpoint, why, cause))
    }
    request.on('error', (error: Error) => fail(reasonOf(error), error))
    request.on('response', (response) => {
      response.resume()
      const stopping = response.statusCode === 503
      fail(stopping ? 'the node is stopping' : `HTTP ${response.statusCode}: it is not the client port of a node`)
    })
    request.on('upgrade', (_response, upgraded: Socket, head: Uint8Array) => {
      socket = upgraded
      upgraded.setNoDelay(true)
      upgraded.setKeepAlive(true, 30_000)
      upgraded.on('error', (error: Error) => fail(reasonOf(error), error))
      upgraded.once('close', () => fail('it closed the connection'))
      awaitHello(upgraded, endpoint, head, events, fail, (connection) => {
        clearTimeout(timer)
        resolve(connection)
      })
    })
    request.end()
  })
}

function awaitHello<T>(
  socket: Socket,
  endpoint: Endpoint,
  head: Uint8Array,
  events: ConnectionEvents<T>,
  fail: (why: string, cause: unknown) => void,
  done: (connection: Connection<T>) => void,
): void {
  const decoder = new FrameDecoder({ payloadBytesMax: answerBytesMax })
  const onChunk = (chunk: Uint8Array): void => {
    const early: [number, Uint8Array][] = []
    try {
      decoder.push(chunk, (type, payload) => early.push([type, payload]))
      const [first] = early
      if (first === undefined) return
      if (first[0] !== clientFrames.hello) throw new PaxosError('BAD_FRAME', 'The first frame is not a hello')
      socket.off('data', onChunk)
      const connection = new Connection(socket, decoder, endpoint, decodeHello(first[1]), events)
      for (const [type, payload] of early.slice(1)) connection.onFrame(type, payload)
      done(connection)
    } catch (error) {
      fail('it does not speak our protocol', error)
    }
  }
  socket.on('data', onChunk)
  if (head.length > 0) onChunk(head)
}

function reasonOf(error: Error): string {
  // Several addresses of one name fail together: their messages are in the parts.
  if (error instanceof AggregateError) return error.errors.map((each: Error) => each.message).join(', ')
  return error.message
}

function cannotConnect({ url }: Endpoint, why: string, cause: unknown): PaxosError {
  return new PaxosError('CANNOT_CONNECT', `Cannot connect to ${url}: ${why}`, {
    hint: 'Is a node running there? `paxos node start` starts one, `paxos dev` a whole cluster.',
    cause,
  })
}
