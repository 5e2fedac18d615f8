/**
 * The few requests that nearly all of the traffic is: one key, put, read or deleted, small, and written in the plainest of
 * the forms that HTTP/1.1 allows (RFC 9112). Whatever is not is left to node:http, so nothing is refused here.
 */
import { actorHeader } from '../../../wire/actor.ts'
import { httpLimits } from '../http-limits.ts'

export interface PlainRequest {
  readonly method: string
  /** Path and query, still percent-encoded. */
  readonly target: string
  /** Those that mean something to a handler, by name in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  /** Of the whole request. */
  readonly bytes: number
}

const { headerBytesMax, headersMax, plainRequestBytesMax } = httpLimits

const beginnings = ['GET /v1/kv/', 'PUT /v1/kv/', 'DELETE /v1/kv/']
const plainLine = /^(GET|PUT|DELETE) (\/v1\/kv\/[!"$-~]+) HTTP\/1\.1\r\n/
/** Narrower than RFC 9112 everywhere: only ASCII, no tabs, no folded lines. */
const plainLines = /^(?:[A-Za-z0-9-]+:[ -~]*\r\n)+$/
const plainLength = /^(0|[1-9][0-9]{0,4})$/

const kept = new Set(['content-length', 'if-version', 'paxos-session', 'paxos-seq', 'paxos-acked-below', actorHeader])
/** They change how a message is read, or what becomes of the connection. */
const special = new Set(['transfer-encoding', 'connection', 'proxy-connection', 'upgrade', 'expect', 'trailer'])

/** Of headers that are kept: there may be thousands of connections. */
const lastLinesMax = 1024

/** The headers of the last request of a connection: most clients send the same ones each time. */
export class LastHeaders {
  #lines = ''
  #headers: PlainRequest['headers'] | undefined

  /** Undefined when they are not plain. */
  read(lines: string): PlainRequest['headers'] | undefined {
    if (this.#headers !== undefined && lines === this.#lines) return this.#headers
    const headers = plainLines.test(lines) ? keptHeaders(lines) : undefined
    if (lines.length <= lastLinesMax) {
      // A copy: a part of a text keeps the whole.
      this.#lines = Buffer.from(lines, 'latin1').toString('latin1')
      this.#headers = headers
    }
    return headers
  }
}

/** The request that `bytes` begin with; or how many bytes it takes at least to tell; or 'other' when it is not plain. */
export function readPlainRequest(bytes: Buffer, last = new LastHeaders()): PlainRequest | number | 'other' {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd < 0) return bytes.length < headerBytesMax && beginsPlain(bytes) ? bytes.length + 1 : 'other'
  if (headEnd > headerBytesMax) return 'other'
  const head = bytes.toString('latin1', 0, headEnd + 2)
  const line = plainLine.exec(head)
  if (line === null) return 'other'
  const [{ length: lineBytes }, method = '', target = ''] = line
  const headers = last.read(head.slice(lineBytes))
  if (headers === undefined) return 'other'
  const length = headers['content-length'] ?? '0'
  if (!plainLength.test(length)) return 'other'
  const bodyStart = headEnd + 4
  const end = bodyStart + Number(length)
  if (end > plainRequestBytesMax) return 'other'
  if (end > bytes.length) return end
  return { method, target, headers, body: bytes.subarray(bodyStart, end), bytes: end }
}

/** As far as there is anything. What is clearly no plain request is not kept waiting for its end. */
function beginsPlain(bytes: Buffer): boolean {
  const text = bytes.toString('latin1', 0, 'DELETE /v1/kv/'.length)
  return beginnings.some((beginning) => text.startsWith(beginning) || beginning.startsWith(text))
}

/** Undefined when one of them is special, or given twice where it matters. */
function keptHeaders(lines: string): Record<string, string> | undefined {
  const headers: Record<string, string> = {}
  let hasHost = false
  let count = 0
  for (let at = 0; at < lines.length; ) {
    const colon = lines.indexOf(':', at)
    const end = lines.indexOf('\r', colon)
    const name = lines.slice(at, colon).toLowerCase()
    if (kept.has(name)) {
      if (Object.hasOwn(headers, name)) return undefined
      headers[name] = lines.slice(colon + 1, end).trim()
    } else if (name === 'host') {
      if (hasHost) return undefined
      hasHost = true
    } else if (special.has(name) && !keepsAlive(name, lines.slice(colon + 1, end))) return undefined
    at = end + 2
    count++
  }
  return hasHost && count <= headersMax ? headers : undefined
}

/** What many clients say, and HTTP/1.1 means anyhow. */
function keepsAlive(name: string, value: string): boolean {
  return name === 'connection' && value.trim().toLowerCase() === 'keep-alive'
}
