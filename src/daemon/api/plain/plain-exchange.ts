import { STATUS_CODES } from 'node:http'
import type { ApiLogger } from '../context.ts'
import { Exchange } from '../exchange.ts'
import type { PlainConnection } from './plain-connection.ts'
import type { PlainRequest } from './plain-request.ts'

export interface PlainAnswer {
  /** Status line and headers, but for those of the connection. */
  readonly head: string
  /** In latin1, when it is text. */
  readonly body: string | Uint8Array
  /** The connection ends with it. */
  readonly closes: boolean
}

/** An exchange that a `PlainConnection` reads and writes. */
export class PlainExchange extends Exchange {
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  readonly #connection: PlainConnection
  /** Until it is written: answers leave in the order of the requests. */
  answer: PlainAnswer | undefined
  abandoned = false

  constructor(request: PlainRequest, connection: PlainConnection, logger: ApiLogger) {
    super({ method: request.method, target: request.target, address: connection.address, logger })
    this.headers = request.headers
    this.body = request.body
    this.#connection = connection
  }

  protected write(status: number, headers: string[], body: string | Uint8Array): void {
    let head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n`
    let closes = false
    for (let at = 0; at < headers.length; at += 2) {
      const name = headers[at]
      if (name === 'connection') closes = true
      else head += `${name}: ${headers[at + 1]}\r\n`
    }
    this.answer = { head, body, closes }
    this.#connection.onAnswer()
  }
}
