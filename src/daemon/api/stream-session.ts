import type { Socket } from 'node:net'
import { unreachable } from '../../base/assert.ts'
import { type ErrorCode, PaxosError } from '../../base/error.ts'
import { decodeRequest } from '../../machine/command-codec.ts'
import { queryProblem, requestProblem } from '../../machine/limits.ts'
import { decodeQuery, encodeAnswer, encodeReply } from '../../machine/reply-codec.ts'
import type { Query, Request } from '../../machine/request.ts'
import type { Origin } from '../../protocol/origin.ts'
import type { Outcome } from '../../runtime/peer-message.ts'
import type { ReadOutcome } from '../../runtime/replica-service.ts'
import {
  clientFrames,
  decodeRequests,
  encodeAnswers,
  encodeHello,
  encodeLeaderNotice,
  encodeStreamError,
  type LeaderHint,
  type StreamAnswer,
  type StreamRequest,
} from '../../wire/client-codec.ts'
import { FrameDecoder } from '../../wire/frame.ts'
import type { ApiState } from './api-state.ts'
import { signed } from './audit-origin.ts'

/** Answers leave in frames of about this size. */
const answerFrameBytes = 1024 * 1024
/** What a request says of its timeout is not believed beyond this. */
const timeoutMsMax = 60_000

/** Bytes of requests in one frame: the largest request, and what the frame adds. */
export function streamFrameBytesMax(requestBytesMax: number): number {
  return Math.max(4 * 1024 * 1024, requestBytesMax + 65_536)
}

/**
 * One upgraded connection. Requests are answered in order of completion; the answers of one turn leave in one frame.
 * Reading stops while too many requests are open. A frame that breaks the protocol ends the connection.
 */
export class StreamSession {
  readonly #socket: Socket
  readonly #state: ApiState
  readonly #origin: Origin
  readonly #decoder: FrameDecoder
  #outstanding = 0
  #answers: StreamAnswer[] = []
  #answerBytes = 0
  #flushing = false
  #closed = false
  #paused = false
  #stopping = false
  #leader: LeaderHint
  /** Monotonic milliseconds; undefined when no frame has begun. */
  #frameSince: number | undefined

  /** The socket is upgraded and has its error listener. */
  constructor(socket: Socket, state: ApiState, leader: LeaderHint, origin: Origin) {
    this.#origin = origin
    this.#socket = socket
    this.#state = state
    this.#leader = leader
    const frameBytesMax = streamFrameBytesMax(state.context.requestLimits.requestBytesMax)
    this.#decoder = new FrameDecoder({ payloadBytesMax: frameBytesMax })
    const { streamFrameRequestsMax, streamRequestsMax } = state.context.limits
    socket.on('close', () => this.#onClosed())
    socket.write(
      encodeHello({
        node: state.context.node.name,
        clusterId: state.context.clusterId,
        leader,
        limits: { requestsPerFrameMax: streamFrameRequestsMax, outstandingMax: streamRequestsMax, frameBytesMax },
      }),
    )
    socket.on('data', (chunk: Uint8Array) => this.#onData(chunk))
    // A client that ends its half wants its answers first.
    socket.on('end', () => this.stop())
  }

  onLeader(leader: LeaderHint): void {
    if (this.#closed) return
    if (leader.name === this.#leader.name && leader.clientAddress === this.#leader.clientAddress) return
    this.#leader = leader
    this.#socket.write(encodeLeaderNotice(leader))
  }

  /** Ends the connection when a frame has been on its way for too long. */
  checkDeadline(now: number): void {
    const { frameTimeoutMs } = this.#state.context.limits
    if (this.#paused || this.#frameSince === undefined || now - this.#frameSince < frameTimeoutMs) return
    this.#violate(new PaxosError('BAD_FRAME', `A frame did not arrive whole within ${frameTimeoutMs} ms`))
  }

  /** Takes no more requests, answers those that are open, then closes. */
  stop(): void {
    this.#stopping = true
    if (this.#outstanding === 0) this.#end()
  }

  receive(bytes: Uint8Array): void {
    this.#onData(bytes)
  }

  #onData(chunk: Uint8Array): void {
    if (this.#closed) return
    try {
      this.#decoder.push(chunk, (type, payload) => this.#onFrame(type, payload))
    } catch (error) {
      if (!(error instanceof PaxosError)) throw error
      this.#violate(error)
      return
    }
    if (!this.#decoder.midFrame) this.#frameSince = undefined
    else this.#frameSince ??= performance.now()
    this.#pauseIfBusy()
  }

  #onFrame(type: number, payload: Uint8Array): void {
    if (type !== clientFrames.requests) throw new PaxosError('BAD_FRAME', `Frame type ${type} is not for a server`)
    const { streamFrameRequestsMax } = this.#state.context.limits
    for (const request of decodeRequests(payload, streamFrameRequestsMax)) this.#onRequest(request)
    this.#frameSince = undefined
  }

  #onRequest(request: StreamRequest): void {
    this.#outstanding++
    if (this.#stopping && request.kind !== 'ping') {
      this.#refuse(request.id, 'STOPPING', 'The node is stopping')
      return
    }
    switch (request.kind) {
      case 'submit':
        this.#onSubmit(request)
        return
      case 'read':
        this.#onRead(request)
        return
      case 'ping':
        this.#answer({ kind: 'pong', id: request.id }, 0)
        return
      default:
        unreachable(request)
    }
  }

  #onSubmit({ id, timeoutMs, request }: Extract<StreamRequest, { kind: 'submit' }>): void {
    const { context, budget } = this.#state
    let decoded: Request
    try {
      decoded = decodeRequest(request)
      const problem = requestProblem(decoded, context.requestLimits)
      if (problem !== undefined) {
        this.#refuse(id, problem.code, problem.message)
        return
      }
    } catch (error) {
      if (!(error instanceof PaxosError)) throw error
      this.#refuse(id, error.code, error.message)
      return
    }
    if (!budget.take(request.length)) {
      this.#refuse(id, 'OVERLOADED', 'Too many bytes are in flight from all clients together')
      return
    }
    const submitted = signed(context, decoded.command, request, this.#origin)
    context.replica.submit(submitted, Math.min(timeoutMs, timeoutMsMax), (outcome) => {
      budget.give(request.length)
      this.#answer(...submitAnswer(id, outcome))
    })
  }

  #onRead({ id, timeoutMs, consistency, query }: Extract<StreamRequest, { kind: 'read' }>): void {
    const { context } = this.#state
    let decoded: Query
    try {
      decoded = decodeQuery(query)
      const problem = queryProblem(decoded, context.requestLimits)
      if (problem !== undefined) {
        this.#refuse(id, problem.code, problem.message)
        return
      }
    } catch (error) {
      if (!(error instanceof PaxosError)) throw error
      this.#refuse(id, error.code, error.message)
      return
    }
    context.replica.read(decoded, consistency, Math.min(timeoutMs, timeoutMsMax), (outcome) => {
      this.#answer(...readAnswer(id, outcome))
    })
  }

  #refuse(id: number, code: ErrorCode, message: string): void {
    this.#answer({ kind: 'failed', id, code, message }, message.length)
  }

  #answer(answer: StreamAnswer, bytes: number): void {
    this.#outstanding--
    if (this.#closed) return
    this.#answers.push(answer)
    this.#answerBytes += bytes
    if (this.#answerBytes >= answerFrameBytes) {
      this.#flush()
    } else if (!this.#flushing) {
      this.#flushing = true
      queueMicrotask(() => {
        this.#flushing = false
        this.#flush()
      })
    }
  }

  #flush(): void {
    if (this.#closed || this.#answers.length === 0) return
    const answers = this.#answers
    this.#answers = []
    this.#answerBytes = 0
    this.#socket.write(encodeAnswers(answers))
    if (this.#socket.writableLength > this.#state.context.limits.streamUnreadBytesMax) {
      this.#closed = true
      this.#state.context.logger.warn({ remote: this.#socket.remoteAddress }, 'A client reads its answers too slowly')
      this.#socket.destroy()
      return
    }
    this.#resumeIfIdle()
    if (this.#stopping && this.#outstanding === 0) this.#end()
  }

  #pauseIfBusy(): void {
    if (this.#paused || this.#closed || this.#outstanding <= this.#state.context.limits.streamRequestsMax) return
    this.#paused = true
    this.#socket.pause()
  }

  #resumeIfIdle(): void {
    if (!this.#paused || this.#outstanding > this.#state.context.limits.streamRequestsMax / 2) return
    this.#paused = false
    if (this.#frameSince !== undefined) this.#frameSince = performance.now()
    this.#socket.resume()
  }

  #violate(error: PaxosError): void {
    if (this.#closed) return
    this.#state.context.logger.warn(
      { remote: this.#socket.remoteAddress, reason: error.message },
      'Client disconnected',
    )
    this.#flush()
    this.#socket.write(encodeStreamError(error.code, error.message))
    this.#end()
  }

  #end(): void {
    if (this.#closed) return
    this.#flush()
    this.#closed = true
    this.#socket.end(() => this.#socket.destroy())
  }

  #onClosed(): void {
    this.#closed = true
    this.#answers = []
  }
}

function submitAnswer(id: number, outcome: Outcome): [answer: StreamAnswer, bytes: number] {
  if (outcome.kind === 'failed') return failure(id, outcome.code, outcome.message)
  const reply = encodeReply(outcome.reply)
  return [{ kind: 'replied', id, reply }, reply.length]
}

function readAnswer(id: number, outcome: ReadOutcome): [answer: StreamAnswer, bytes: number] {
  if (outcome.kind === 'failed') return failure(id, outcome.code, outcome.message)
  const answer = encodeAnswer(outcome.answer)
  return [{ kind: 'answered', id, answer }, answer.length]
}

function failure(id: number, code: ErrorCode, message: string): [answer: StreamAnswer, bytes: number] {
  return [{ kind: 'failed', id, code, message }, message.length]
}
