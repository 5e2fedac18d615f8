import { type Dispatcher, Pool } from 'undici'
import { isErrorCode, PaxosError } from '../../base/error.ts'
import { parseEndpoint } from '../../client/endpoint.ts'
import type { Target, TargetOptions } from './target.ts'
import type { Operation } from './workload.ts'

/** Load over HTTP/1.1: each request in flight has a kept-alive connection of its own, without pipelining. */
export class HttpTarget implements Target {
  readonly #pools: readonly Pool[]
  readonly #value: Uint8Array
  readonly #text: string
  readonly #query: string
  #next = 0

  constructor({ endpoints, inFlight, timeoutMs, value, isStale }: TargetOptions) {
    this.#pools = endpoints.map((endpoint) => openPool(endpoint, Math.ceil(inFlight / endpoints.length), timeoutMs))
    this.#value = value
    this.#text = Buffer.from(value).toString('latin1')
    this.#query = isStale ? '?consistency=stale' : ''
  }

  run(operation: Operation): Promise<void> {
    const { key } = operation
    const path = `/v1/kv/${key}`
    if (operation.kind === 'get') return this.#send({ method: 'GET', path: path + this.#query })
    if (operation.kind === 'put') return this.#send({ method: 'PUT', path, body: this.#value })
    const put = { key, value: this.#text }
    const body = JSON.stringify({
      compare: [{ key, target: 'version', op: '>', operand: 0 }],
      // biome-ignore lint/suspicious/noThenProperty: the word of the API; never awaited.
      then: [{ put }, { put: { ...put, key: operation.other } }],
      else: [{ get: { key } }],
    })
    return this.#send({ method: 'POST', path: '/v1/txn', body })
  }

  async close(): Promise<void> {
    await Promise.all(this.#pools.map((pool) => pool.close()))
  }

  #send(request: Dispatcher.DispatchOptions): Promise<void> {
    const pool = this.#pools[this.#next++ % this.#pools.length]
    return new Promise((resolve, reject) => pool?.dispatch(request, new Exchange(request.method, resolve, reject)))
  }
}

function openPool(text: string, connections: number, timeoutMs: number): Pool {
  const endpoint = parseEndpoint(text)
  const isUnix = endpoint.kind === 'unix'
  return new Pool(isUnix ? 'http://localhost' : endpoint.url, {
    connections,
    pipelining: 1,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    connect: { timeout: timeoutMs, ...(isUnix && { socketPath: endpoint.path }) },
  })
}

/** One request: reads the whole answer, and keeps it only when it is an error. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #method: string
  readonly #resolve: () => void
  readonly #reject: (error: PaxosError) => void
  #status = 0
  #error = ''

  constructor(method: string, resolve: () => void, reject: (error: PaxosError) => void) {
    this.#method = method
    this.#resolve = resolve
    this.#reject = reject
  }

  onRequestStart(): void {}

  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    this.#status = status
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#status >= 400) this.#error += chunk.toString('utf8')
  }

  onResponseEnd(): void {
    if (this.#status < 400) this.#resolve()
    else this.#reject(errorOf(this.#status, this.#error))
  }

  onResponseError(_controller: Dispatcher.DispatchController, cause: Error): void {
    this.#reject(connectionError(cause, this.#method !== 'GET'))
  }
}

function errorOf(status: number, body: string): PaxosError {
  const [code, message] = readError(body)
  if (typeof code === 'string' && isErrorCode(code)) return new PaxosError(code, String(message))
  return new PaxosError('CANNOT_CONNECT', `HTTP ${status}`, { hint: 'Is this the client port of a node?' })
}

function readError(body: string): [code: unknown, message: unknown] {
  try {
    const { error } = JSON.parse(body) as { error?: { code?: unknown; message?: unknown } }
    return [error?.code, error?.message]
  } catch {
    return [undefined, undefined]
  }
}

const neverSent = new Set(['ECONNREFUSED', 'ENOENT', 'EHOSTUNREACH', 'UND_ERR_CONNECT_TIMEOUT'])

/** What was sent may have been done. */
function connectionError(cause: Error, isWrite: boolean): PaxosError {
  const code = 'code' in cause ? String(cause.code) : ''
  if (neverSent.has(code)) return new PaxosError('CANNOT_CONNECT', cause.message, { cause })
  if (isWrite) return new PaxosError('OUTCOME_UNKNOWN', cause.message, { cause })
  return new PaxosError(code === 'UND_ERR_HEADERS_TIMEOUT' ? 'TIMEOUT' : 'CANNOT_CONNECT', cause.message, { cause })
}
