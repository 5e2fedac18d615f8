import type { IncomingMessage, ServerResponse } from 'node:http'
import { AssertionError } from '../../base/assert.ts'
import { type ErrorCode, PaxosError } from '../../base/error.ts'
import type { ApiLogger } from './context.ts'
import { errorBody, httpStatus } from './errors.ts'

const json = 'application/json'
/** Larger bodies are not worth a copy. */
const joinedBytesMax = 8192

/** One request and its one answer. */
export class Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly method: string
  /** Still percent-encoded. */
  readonly path: string
  readonly query: string
  /** Bytes of the body that the budget lends until the exchange is over. */
  heldBytes = 0
  /** Where it comes from, as the audit trail says it: empty for the unix socket. */
  readonly address: string
  readonly #logger: ApiLogger
  #answered = false

  constructor(request: IncomingMessage, response: ServerResponse, address: string, logger: ApiLogger) {
    this.address = address
    this.#logger = logger
    this.request = request
    this.response = response
    this.method = request.method ?? ''
    const target = request.url ?? ''
    const question = target.indexOf('?')
    this.path = question < 0 ? target : target.slice(0, question)
    this.query = question < 0 ? '' : target.slice(question + 1)
  }

  get answered(): boolean {
    return this.#answered
  }

  /** True once nobody waits for the answer. */
  get abandoned(): boolean {
    return this.response.destroyed
  }

  /** Headers as name, value, name, value. Later answers to the same request are dropped. */
  send(status: number, headers: readonly string[], body: string | Uint8Array): void {
    if (this.#answered) return
    this.#answered = true
    const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length
    this.response.writeHead(status, [...headers, 'content-length', String(length)])
    if (typeof body === 'string' || body.length > joinedBytesMax) this.response.end(body)
    // As text it goes into one write with the head: a get takes a quarter less time than with a vector of two buffers.
    else this.response.end(Buffer.from(body.buffer, body.byteOffset, body.length).toString('latin1'), 'latin1')
  }

  json(status: number, text: string): void {
    this.send(status, ['content-type', json], text)
  }

  /** An answer of unknown length; the caller writes and ends the response. */
  stream(contentType: string): ServerResponse {
    this.#answered = true
    this.response.writeHead(200, ['content-type', contentType])
    return this.response
  }

  error(code: ErrorCode, message: string, hint?: string, headers: readonly string[] = []): void {
    this.send(httpStatus(code), ['content-type', json, ...headers], errorBody(code, message, hint))
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
}
