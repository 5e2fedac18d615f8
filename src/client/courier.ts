import { errorCodes, PaxosError } from '../base/error.ts'
import type { Consistency, LeaderHint, StreamAnswer, StreamRequest } from '../wire/client-codec.ts'
import type { Connection } from './connection.ts'
import { Dialer } from './dialer.ts'
import type { Endpoint } from './endpoint.ts'

export type Task =
  | {
      readonly kind: 'submit'
      readonly body: Uint8Array
      /** Applied at most once however often it is sent: it carries a session, or does no harm twice. */
      readonly repeatable: boolean
    }
  | { readonly kind: 'read'; readonly body: Uint8Array; readonly consistency: Consistency }

export interface Delivery {
  /** An encoded Reply or Answer. */
  readonly bytes: Uint8Array
  /** An earlier attempt may have been done too. */
  readonly maybeDoneBefore: boolean
}

interface Parcel {
  readonly task: Task
  readonly deadline: number
  readonly timeoutMs: number
  readonly resolve: (delivery: Delivery) => void
  readonly reject: (error: PaxosError) => void
  /** Sent at least once without a definite answer. */
  maybeDone: boolean
  /** Sent and not answered yet. */
  underway: boolean
  settled: boolean
  retryAt: number
  failure: PaxosError | undefined
}

const tickMs = 50
const retryMs = 50
/** A node that does not find a leader for so long is left for another. */
const patienceMs = 1000
/** A connection that is silent for so long is asked for a sign of life, and given up after as much again. */
const silenceMs = 2000

/** Brings requests to the cluster and answers back, over changing connections, until each one's deadline. */
export class Courier {
  readonly #dialer: Dialer<Parcel>
  readonly #unsettled = new Set<Parcel>()
  readonly #retrying = new Set<Parcel>()
  #queue: Parcel[] = []
  #pumping = false
  #timer: NodeJS.Timeout | undefined
  #tickedAt = 0
  #goodAt = 0
  readonly #pinged = new WeakMap<Connection<Parcel>, number>()

  constructor(endpoints: readonly Endpoint[], actor: string, followLeader: boolean) {
    this.#dialer = new Dialer<Parcel>(endpoints, actor, followLeader, {
      onAnswer: (parcel, answer) => this.#onAnswer(parcel, answer),
      onLost: (reason, unanswered) => this.#onLost(reason, unanswered),
      onReady: () => {
        this.#goodAt = performance.now()
        this.#pump()
      },
      onHopeless: (error) => this.#onHopeless(error),
    })
  }

  /** Of the node that is talked to; undefined while none is. */
  get leader(): LeaderHint | undefined {
    return this.#dialer.leader
  }

  get node(): string | undefined {
    return this.#dialer.current?.hello.node
  }

  /** Rejects with a PaxosError whose code says what is true of the request. */
  run(task: Task, timeoutMs: number): Promise<Delivery> {
    return new Promise((resolve, reject) => {
      const parcel: Parcel = {
        task,
        deadline: performance.now() + timeoutMs,
        timeoutMs,
        resolve,
        reject,
        maybeDone: false,
        underway: false,
        settled: false,
        retryAt: 0,
        failure: undefined,
      }
      this.#unsettled.add(parcel)
      this.#queue.push(parcel)
      if (this.#timer === undefined) {
        this.#tickedAt = performance.now()
        this.#timer = setInterval(() => this.#tick(), tickMs)
      }
      this.#pumpSoon()
    })
  }

  /** Rejects what is still open. */
  close(): void {
    const error = new PaxosError('STOPPING', 'The client is closed')
    for (const parcel of [...this.#unsettled]) this.#giveUp(parcel, error)
    this.#dialer.close()
  }

  #pumpSoon(): void {
    if (this.#pumping) return
    this.#pumping = true
    queueMicrotask(() => {
      this.#pumping = false
      this.#pump()
    })
  }

  #pump(): void {
    if (this.#queue.length === 0) return
    const connection = this.#dialer.current
    if (connection === undefined) {
      this.#dialer.wake()
      return
    }
    const now = performance.now()
    let at = 0
    while (at < this.#queue.length && connection.room > 0) {
      const parcel = this.#queue[at++]
      if (parcel !== undefined && !parcel.settled) this.#send(connection, parcel, now)
    }
    this.#queue = at === this.#queue.length ? [] : this.#queue.slice(at)
  }

  #send(connection: Connection<Parcel>, parcel: Parcel, now: number): void {
    const { task } = parcel
    const bytes = task.body.length
    if (bytes + 1024 > connection.hello.limits.frameBytesMax) {
      this.#settle(parcel)
      parcel.reject(new PaxosError('TOO_LARGE', `A request of ${bytes} bytes is more than the server takes`))
      return
    }
    // The node gives up a little earlier than this client, so that its reason arrives and not just silence.
    const left = parcel.deadline - now
    // An attempt that the deadline cuts off would turn what is certainly not done into what may have been.
    if (parcel.failure !== undefined && !parcel.maybeDone && left < lastAttemptMs(parcel)) {
      this.#giveUp(parcel, parcel.failure)
      return
    }
    const remaining = Math.max(1, Math.floor(left - Math.min(200, left / 10)))
    // One attempt must not use up all the time when another node may do better.
    const attempt = isRepeatable(task)
      ? Math.min(remaining, Math.max(1000, Math.ceil(parcel.timeoutMs / 3)))
      : remaining
    parcel.underway = true
    connection.send(parcel, (id) => toRequest(id, attempt, task), bytes)
  }

  #onAnswer(parcel: Parcel, answer: StreamAnswer): void {
    if (this.#queue.length > 0) this.#pumpSoon()
    parcel.underway = false
    if (answer.kind === 'replied' || answer.kind === 'answered') {
      this.#goodAt = performance.now()
      if (parcel.settled) return
      this.#settle(parcel)
      const bytes = answer.kind === 'replied' ? answer.reply : answer.answer
      parcel.resolve({ bytes, maybeDoneBefore: parcel.maybeDone })
      return
    }
    if (answer.kind === 'failed') this.#onFailed(parcel, new PaxosError(answer.code, answer.message))
  }

  #onFailed(parcel: Parcel, error: PaxosError): void {
    const { code } = error
    this.#changeNode(code)
    if (parcel.settled) return
    const isWrite = parcel.task.kind === 'submit'
    if (isWrite && errorCodes[code].done === 'unknown') parcel.maybeDone = true
    parcel.failure = error
    if (!passing.has(code)) this.#giveUp(parcel, error)
    else if (parcel.maybeDone && !isRepeatable(parcel.task)) this.#giveUp(parcel, error)
    else this.#retry(parcel)
  }

  #onLost(reason: PaxosError, unanswered: readonly Parcel[]): void {
    for (const parcel of unanswered) {
      parcel.underway = false
      if (parcel.settled) continue
      parcel.failure = reason
      if (parcel.task.kind === 'submit') parcel.maybeDone = true
      if (isRepeatable(parcel.task)) this.#retry(parcel, 0)
      else this.#giveUp(parcel, reason)
    }
  }

  /** Nobody answers, and nobody ever did: waiting would only hide a wrong address. */
  #onHopeless(error: PaxosError): void {
    for (const parcel of [...this.#unsettled]) this.#giveUp(parcel, error)
  }

  #retry(parcel: Parcel, delayMs = retryMs): void {
    if (delayMs === 0) {
      this.#queue.push(parcel)
      this.#pumpSoon()
      return
    }
    parcel.retryAt = performance.now() + delayMs
    this.#retrying.add(parcel)
  }

  #changeNode(code: PaxosError['code']): void {
    const lost = code === 'NO_LEADER' || code === 'NO_QUORUM' || code === 'OUTCOME_UNKNOWN'
    if (code === 'STOPPING' || code === 'UNHEALTHY' || (lost && performance.now() - this.#goodAt > patienceMs)) {
      this.#goodAt = performance.now()
      this.#dialer.moveOn()
    }
  }

  #tick(): void {
    const now = performance.now()
    const gap = now - this.#tickedAt
    this.#tickedAt = now
    for (const parcel of this.#retrying) {
      if (parcel.retryAt > now) continue
      this.#retrying.delete(parcel)
      this.#queue.push(parcel)
    }
    for (const parcel of this.#unsettled) {
      if (parcel.deadline <= now) this.#giveUp(parcel, this.#timeoutError(parcel))
    }
    // After a pause of this process the answers may be here, unread.
    if (gap < silenceMs / 2) this.#checkLife(now)
    this.#pump()
  }

  #checkLife(now: number): void {
    for (const connection of this.#dialer.connections()) {
      if (connection.outstanding === 0 || now - connection.heardAt < silenceMs) continue
      const pingedAt = this.#pinged.get(connection) ?? 0
      if (pingedAt < connection.heardAt) {
        this.#pinged.set(connection, now)
        connection.ping()
      } else if (now - pingedAt > silenceMs) {
        connection.close(new PaxosError('CANNOT_CONNECT', `${connection.endpoint.url} does not answer any more`))
      }
    }
  }

  #timeoutError(parcel: Parcel): PaxosError {
    if (parcel.failure !== undefined) return parcel.failure
    const dialError = this.#dialer.lastError
    if (!parcel.underway && this.#dialer.current === undefined && dialError !== undefined) return dialError
    return new PaxosError('TIMEOUT', `No answer within ${parcel.timeoutMs} ms`)
  }

  /** Ends a parcel without a reply. What may have been done is never reported as not done. */
  #giveUp(parcel: Parcel, error: PaxosError): void {
    if (parcel.settled) return
    this.#settle(parcel)
    const maybeDone = parcel.task.kind === 'submit' && (parcel.maybeDone || parcel.underway)
    parcel.reject(maybeDone ? outcomeUnknown(error) : error)
  }

  #settle(parcel: Parcel): void {
    parcel.settled = true
    this.#unsettled.delete(parcel)
    this.#retrying.delete(parcel)
    if (this.#unsettled.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}

/** With less time than this left, the answer to another attempt could come too late. */
function lastAttemptMs({ timeoutMs }: Parcel): number {
  return Math.min(300, timeoutMs / 4)
}

/** Codes that another attempt may overcome. */
const passing: ReadonlySet<string> = new Set([
  'NO_LEADER',
  'NO_QUORUM',
  'OVERLOADED',
  'STOPPING',
  'UNHEALTHY',
  'OUTCOME_UNKNOWN',
  'STORE_FAILED',
  'INTERNAL',
])

function isRepeatable(task: Task): boolean {
  return task.kind === 'read' || task.repeatable
}

function toRequest(id: number, timeoutMs: number, task: Task): StreamRequest {
  if (task.kind === 'submit') return { kind: 'submit', id, timeoutMs, request: task.body }
  return { kind: 'read', id, timeoutMs, consistency: task.consistency, query: task.body }
}

function outcomeUnknown(cause: PaxosError): PaxosError {
  if (cause.code === 'OUTCOME_UNKNOWN') return cause
  return new PaxosError('OUTCOME_UNKNOWN', `The request was sent and may have been done: ${cause.message}`, {
    hint: 'Read to find out what is true.',
    cause,
  })
}
