import type { IncomingMessage } from 'node:http'
import type { ByteBudget } from './byte-budget.ts'
import { badRequest } from './errors.ts'
import type { Exchange } from './exchange.ts'

/** Read and thrown away after a refusal, so that a client which writes first and reads later still sees the answer. */
const drainedBytesMax = 64 * 1024 * 1024

/**
 * Hands over the whole body, at most `bytesMax` of it. Refuses by the announced length before reading, and while reading
 * when none was announced. `what` names the body in errors. A body that is cut short goes nowhere. The bytes stay in `budget` until the answer is out.
 */
export function collectBody(
  exchange: Exchange,
  bytesMax: number,
  budget: ByteBudget,
  what: string,
  done: (body: Uint8Array) => void,
): void {
  const { body, headers } = exchange
  const announced = Number(headers['content-length'] ?? 0)
  if (announced > bytesMax) {
    if (!(body instanceof Uint8Array)) drain(body)
    exchange.error('TOO_LARGE', tooLarge(what, bytesMax))
  } else if (body instanceof Uint8Array) {
    if (hold(exchange, body.length, budget)) done(body)
    else exchange.error('OVERLOADED', tooManyBytes)
  } else if (announced === 0 && headers['transfer-encoding'] === undefined) {
    // A request without a body emits nothing at all (`optimizeEmptyRequests`).
    done(new Uint8Array(0))
  } else {
    const take = (length: number, chunk: Uint8Array): boolean => {
      if (length > bytesMax) exchange.error('TOO_LARGE', tooLarge(what, bytesMax))
      else if (hold(exchange, chunk.length, budget)) return true
      else exchange.error('OVERLOADED', tooManyBytes)
      return false
    }
    readFrom(body, take, (whole) => exchange.guard(() => done(whole)))
  }
}

/** `take` is told of the length so far and the next piece; at its first no, the rest is thrown away. */
function readFrom(
  request: IncomingMessage,
  take: (length: number, chunk: Uint8Array) => boolean,
  done: (body: Uint8Array) => void,
): void {
  const chunks: Uint8Array[] = []
  let length = 0
  request.on('error', ignore)
  const onData = (chunk: Uint8Array): void => {
    length += chunk.length
    if (take(length, chunk)) {
      chunks.push(chunk)
      return
    }
    chunks.length = 0
    request.off('data', onData)
    request.off('end', onEnd)
    drain(request)
  }
  const onEnd = (): void => {
    const [first] = chunks
    done(chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, length))
  }
  request.on('data', onData)
  request.on('end', onEnd)
}

/** A request that takes no body must not bring one: what it says would be ignored. Throws PaxosError BAD_REQUEST. */
export function refuseBody({ headers }: Exchange): void {
  if (headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0) return
  throw badRequest('This request takes no body')
}

function hold(exchange: Exchange, bytes: number, budget: ByteBudget): boolean {
  if (!budget.take(bytes)) return false
  exchange.heldBytes += bytes
  return true
}

const tooManyBytes = 'Too many bytes are being read from all clients together'

function tooLarge(what: string, bytesMax: number): string {
  return `The ${what} is larger than ${bytesMax} bytes`
}

function drain(request: IncomingMessage): void {
  let drained = 0
  request.on('error', ignore)
  request.on('data', (chunk: Uint8Array) => {
    drained += chunk.length
    if (drained > drainedBytesMax) request.destroy()
  })
}

/** The connection broke: nobody is left to answer. */
function ignore(): void {}
