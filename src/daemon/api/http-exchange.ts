import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ApiLogger } from './context.ts'
import { Exchange } from './exchange.ts'

/** An exchange that node:http reads and writes: of any kind and size. */
export class HttpExchange extends Exchange {
  readonly #request: IncomingMessage
  readonly #response: ServerResponse

  constructor(request: IncomingMessage, response: ServerResponse, address: string, logger: ApiLogger) {
    super({ method: request.method ?? '', target: request.url ?? '', address, logger })
    this.#request = request
    this.#response = response
  }

  get headers(): IncomingMessage['headers'] {
    return this.#request.headers
  }

  get body(): IncomingMessage {
    return this.#request
  }

  get abandoned(): boolean {
    return this.#response.destroyed
  }

  /** An answer of unknown length; the caller writes and ends the response. */
  stream(contentType: string): ServerResponse {
    this.markAnswered()
    this.#response.writeHead(200, ['content-type', contentType])
    return this.#response
  }

  protected write(status: number, headers: string[], body: string | Uint8Array): void {
    this.#response.writeHead(status, headers).end(body, 'latin1')
  }
}
