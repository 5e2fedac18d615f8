import type { IncomingMessage } from 'node:http'
import { AssertionError } from '../../base/assert.ts'
import { type ErrorCode, PaxosError } from '../../base/error.ts'
import type { ApiLogger } from './context.ts'
import { errorBody, httpStatus } from './errors.ts'

const json = 'application/json'
/** Larger bodies are not worth a copy. */
const joinedBytesMax = 8192

export interface ExchangeStart {
  readonly method: string
  /** Path and query, still percent-encoded. */
  readonly target: string
  /** Where it comes from, as the audit trail says it: empty for the unix socket. */
  readonly address: string
  readonly logger: ApiLogger
}

/** One request and its one answer. */
export abstract class Exchange {
  readonly method: string
  /** Still percent-encoded. */
  readonly path: string
  readonly query: string
  readonly address: string
  /** Bytes of the body that the budget lends until the exchange is over. */
  heldBytes = 0
  readonly #logger: ApiLogger
  #answered = false

  /** By name in lower case. */
  abstract readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** All of the body, or what it is still to be read from. */
  abstract readonly body: Uint8Array | IncomingMessage
  /** True once nobody waits for the answer. */
  abstract get abandoned(): boolean

  constructor({ method, target, address, logger }: ExchangeStart) {
    this.method = method
    this.address = address
    this.#logger = logger
    const question = target.indexOf('?')
    this.path = question < 0 ? target : target.slice(0, question)
    this.query = question < 0 ? '' : target.slice(question + 1)
  }

  get answered(): boolean {
    return this.#answered
  }

  /** Headers as name, value, name, value. Later answers to the same request are dropped. */
  send(status: number, headers: readonly string[], body: string | Uint8Array): void {
    if (!this.markAnswered()) return
    const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length
    this.write(status, [...headers, 'content-length', String(length)], joinable(body, length))
  }

  json(status: number, text: string): void {
    this.send(status, ['content-type', json], text)
  }

  error(code: ErrorCode, message: string, hint?: string, headers: readonly string[] = []): void {
    this.send(httpStatus(code), ['content-type', json, ...headers], errorBody(code, message, hint))
  }

  refuseAsStopping(): void {
    this.error('STOPPING', 'The node is stopping', undefined, ['connection', 'close'])
  }

  /** Runs a handler, or a part of it that runs later. What it throws becomes the answer. */
  guard(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.fail(error)
    }
  }

  /**
   * A PaxosError is the answer. A broken invariant stops the node, as everywhere. Any other error is ours, but may have
   * been provoked from outside: it must not be a way to stop a node.
   */
  fail(error: unknown): void {
    if (error instanceof AssertionError) throw error
    if (error instanceof PaxosError) {
      this.error(error.code, error.message, error.hint)
      return
    }
    this.#logger.warn({ err: error, method: this.method }, 'A request failed for a reason that is a bug')
    this.error('INTERNAL', 'The node failed to answer; its log says more')
  }

  /** Text of a body is of one unit per byte. */
  protected abstract write(status: number, headers: string[], body: string | Uint8Array): void

  /** False when it was answered before. */
  protected markAnswered(): boolean {
    const isFirst = !this.#answered
    this.#answered = true
    return isFirst
  }
}

/** As text, a small body goes into one write with the head: a get takes a quarter less time than with a vector of two buffers. */
function joinable(body: string | Uint8Array, length: number): string | Uint8Array {
  if (typeof body === 'string') return length === body.length ? body : Buffer.from(body)
  if (length > joinedBytesMax) return body
  return Buffer.from(body.buffer, body.byteOffset, length).toString('latin1')
}
