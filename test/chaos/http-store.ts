/** The plain HTTP interface as someone without our library uses it: no session, no retry, any node. */
import { toBinary } from '../../src/base/bytes.ts'
import { isErrorCode, PaxosError } from '../../src/base/error.ts'
import type { Output } from '../../src/sim/linearizability/history.ts'

const timeoutMs = 4000

interface Request {
  readonly method: 'GET' | 'PUT' | 'DELETE'
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
}

export async function httpPut(url: string, key: string, value: string, ifVersion?: number): Promise<Output> {
  const headers: Record<string, string> = ifVersion === undefined ? {} : { 'if-version': String(ifVersion) }
  const answer = await call(`${url}/v1/kv/${encodeURIComponent(key)}`, { method: 'PUT', body: value, headers })
  const { revision, version } = JSON.parse(answer.text) as { revision: number; version: number }
  return { kind: 'put', revision, version }
}

export async function httpDelete(url: string, key: string): Promise<Output> {
  const answer = await call(`${url}/v1/kv/${encodeURIComponent(key)}`, { method: 'DELETE' })
  const { revision, deleted } = JSON.parse(answer.text) as { revision: number; deleted: number }
  return { kind: 'delete', revision, deleted }
}

export async function httpGet(url: string, key: string, isStale: boolean): Promise<Output> {
  const query = isStale ? '?consistency=stale' : ''
  const { status, text, headers } = await call(`${url}/v1/kv/${encodeURIComponent(key)}${query}`, { method: 'GET' })
  const number = (name: string): number => Number(headers.get(name) ?? Number.NaN)
  const revision = number('paxos-revision')
  if (status === 404) return { kind: 'item', revision, item: undefined }
  const item = {
    key,
    value: toBinary(Buffer.from(text)),
    createRevision: number('paxos-create-revision'),
    modRevision: number('paxos-mod-revision'),
    version: number('paxos-version'),
  }
  return { kind: 'item', revision, item }
}

interface Answer {
  readonly status: number
  readonly text: string
  readonly headers: Headers
}

/** Throws PaxosError with the code that the node gave, or with one that says whether the request can have arrived. */
async function call(url: string, request: Request): Promise<Answer> {
  let response: Response
  let text: string
  try {
    response = await fetch(url, { ...request, signal: AbortSignal.timeout(timeoutMs) })
    text = await response.text()
  } catch (error) {
    const reason = error instanceof Error && error.cause instanceof Error ? error.cause : undefined
    const refused = reason !== undefined && 'code' in reason && reason.code === 'ECONNREFUSED'
    throw new PaxosError(refused ? 'CANNOT_CONNECT' : 'OUTCOME_UNKNOWN', String(error), { cause: error })
  }
  const { status, headers } = response
  if (status === 200 || (status === 404 && headers.has('paxos-revision'))) return { status, text, headers }
  const { error } = JSON.parse(text) as { error: { code: string; message: string } }
  // Thrown as it is, an unknown code ends the run: the API promises one of its own.
  if (!isErrorCode(error.code)) throw new Error(`${url} answered ${status}: ${text}`)
  throw new PaxosError(error.code, error.message)
}
