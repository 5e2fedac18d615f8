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
  const { request } = exchange
  const announced = Number(request.headers['content-length'] ?? 0)
  if (announced > bytesMax) {
    drain(exchange)
    exchange.error('TOO_LARGE', tooLarge(what, bytesMax))
    return
  }
  if (announced === 0 && request.headers['transfer-encoding'] === undefined) {
    // A request without a body emits nothing at all (`optimizeEmptyRequests`).
    done(new Uint8Array(0))
    return
  }
  const chunks: Uint8Array[] = []
  let length = 0
  request.on('error', ignore)
  const onData = (chunk: Uint8Array): void => {
    length += chunk.length
    const taken = length <= bytesMax && budget.take(chunk.length)
    if (taken) {
      exchange.heldBytes += chunk.length
      chunks.push(chunk)
      return
    }
    chunks.length = 0
    request.off('data', onData)
    request.off('end', onEnd)
    drain(exchange)
    if (length > bytesMax) exchange.error('TOO_LARGE', tooLarge(what, bytesMax))
    else exchange.error('OVERLOADED', 'Too many bytes are being read from all clients together')
  }
  const onEnd = (): void => {
    const [first] = chunks
    const body = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, length)
    exchange.guard(() => done(body))
  }
  request.on('data', onData)
  request.on('end', onEnd)
}

/** A request that takes no body must not bring one: what it says would be ignored. Throws PaxosError BAD_REQUEST. */
export function refuseBody(exchange: Exchange): void {
  const { headers } = exchange.request
  if (headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0) return
  throw badRequest('This request takes no body')
}

function tooLarge(what: string, bytesMax: number): string {
  return `The ${what} is larger than ${bytesMax} bytes`
}

function drain({ request }: Exchange): void {
  let drained = 0
  request.on('error', ignore)
  request.on('data', (chunk: Uint8Array) => {
    drained += chunk.length
    if (drained > drainedBytesMax) request.destroy()
  })
}

/** The connection broke: nobody is left to answer. */
function ignore(): void {}
