import { errorBody } from './errors.ts'
import { httpLimits } from './http-limits.ts'

const tooManyHeaders = `The headers are larger than ${httpLimits.headerBytesMax} bytes or more than ${httpLimits.headersMax}`

/** The whole answer to what could not be read as a request, by the code of Node's error. The connection ends with it. */
export function rawError(code: string): string {
  const [status, text, body] =
    code === 'HPE_HEADER_OVERFLOW'
      ? [431, 'Request Header Fields Too Large', errorBody('BAD_REQUEST', tooManyHeaders)]
      : code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? [408, 'Request Timeout', errorBody('BAD_REQUEST', 'The request did not arrive in time')]
        : [400, 'Bad Request', errorBody('BAD_REQUEST', 'This is not a well-formed HTTP/1.1 request')]
  const head = `HTTP/1.1 ${status} ${text}\r\nconnection: close\r\ncontent-type: application/json\r\n`
  return `${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}
