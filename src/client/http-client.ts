import { Agent, type IncomingMessage, request as sendRequest } from 'node:http'
import type { Endpoint } from './endpoint.ts'

export interface HttpRequest {
  readonly method: string
  /** With the query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | undefined
  /** The answer may go on for ever, with any pause in it. */
  readonly endless?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

export interface HttpAnswer {
  readonly status: number
  /** To be read to its end, or destroyed. */
  readonly body: IncomingMessage
}

/** No byte came for too long. */
export class SilenceError extends Error {
  /** False when there was not even a connection. */
  readonly connected: boolean

  constructor(timeoutMs: number, connected: boolean) {
    super(`no ${connected ? 'answer' : 'connection'} within ${timeoutMs} ms`)
    this.connected = connected
  }
}

/** Requests to one endpoint, over connections that are kept. By node:http: undici takes longer to load than most commands run. */
export class HttpClient {
  readonly #timeoutMs: number
  readonly #agent = new Agent({ keepAlive: true })
  readonly #place: { readonly socketPath: string } | { readonly host: string; readonly port: number }

  constructor(endpoint: Endpoint, timeoutMs: number) {
    this.#timeoutMs = timeoutMs
    this.#place =
      endpoint.kind === 'unix' ? { socketPath: endpoint.path } : { host: endpoint.host, port: endpoint.port }
  }

  /** Resolves with the head of the answer. Rejects with what the system says, or SilenceError; so does reading the body. */
  request({ method, path, headers, body, endless, signal }: HttpRequest): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      const timeout = this.#timeoutMs
      const settings = { ...this.#place, agent: this.#agent, method, path, headers, timeout }
      const request = sendRequest(signal === undefined ? settings : { ...settings, signal })
      let answer: IncomingMessage | undefined
      request.on('timeout', () => {
        const error = new SilenceError(timeout, request.socket?.connecting === false)
        if (answer === undefined) request.destroy(error)
        else if (endless !== true) answer.destroy(error)
      })
      request.on('error', reject)
      request.on('response', (response) => {
        answer = response
        resolve({ status: response.statusCode ?? 0, body: response })
      })
      request.end(body)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}
