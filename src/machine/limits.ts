/**
 * What a node refuses at its edge, before a request enters the log. Applying never looks at these limits: they are the
 * node's own, and replicas with other limits would come to hold other data.
 */
import { unreachable } from '../base/assert.ts'
import { keyBytesMax, rangeBoundBytesMax, sessionTtlMsMax, sessionTtlMsMin, txnListMax } from './bounds.ts'
import type { AuditQuery, Command, Compare, KeyRange, Operation, Query, Request, SessionStamp } from './request.ts'

export interface RequestLimits {
  /** At most 1024, whatever is configured. */
  readonly keyBytesMax: number
  readonly valueBytesMax: number
  /** All keys and values of one request together. */
  readonly requestBytesMax: number
  /** Comparisons, and operations in each branch, of one transaction. At most 1024, whatever is configured. */
  readonly txnOperationsMax: number
}

export const defaultRequestLimits: RequestLimits = {
  keyBytesMax,
  valueBytesMax: 1024 * 1024,
  requestBytesMax: 1.5 * 1024 * 1024,
  txnOperationsMax: 128,
}

export interface RequestProblem {
  readonly code: 'BAD_REQUEST' | 'TOO_LARGE'
  readonly message: string
}

type Problem = RequestProblem | undefined

/** What is wrong with a request from outside. A request without a problem can be encoded, and decodes to itself. */
export function requestProblem({ session, command, origin }: Request, limits: RequestLimits): Problem {
  if (origin !== undefined) return bad('Where a request comes from is for the node that takes it to say')
  return stampProblem(session, command) ?? commandProblem(command, limits) ?? sizeProblem(command, limits)
}

/** The same for a read. */
export function queryProblem(query: Query, limits: RequestLimits): Problem {
  if (query.kind === 'trail' || query.kind === 'changes') return auditProblem(query, limits)
  const revision = query.revision === undefined ? undefined : counterProblem('Revision', query.revision)
  if (query.kind === 'get') return revision ?? keyProblem(query.key, limits)
  return revision ?? rangeProblem(query.range) ?? limitProblem(query.limit)
}

function auditProblem({ key, before, limit }: AuditQuery, limits: RequestLimits): Problem {
  return (
    (key === undefined ? undefined : keyProblem(key, limits)) ??
    (before === undefined ? undefined : counterProblem('End', before)) ??
    limitProblem(limit)
  )
}

function stampProblem(session: SessionStamp | undefined, { kind }: Command): Problem {
  if (session === undefined) {
    return kind === 'closeSession' || kind === 'keepAlive' ? bad(`A session is wanted to ${kind}`) : undefined
  }
  if (kind === 'openSession') return bad('A session cannot be opened within another')
  const problem =
    counterProblem('Session', session.id) ??
    counterProblem('Sequence number', session.seq) ??
    counterProblem('Lowest unacknowledged sequence number', session.ackedBelow)
  if (problem !== undefined || kind === 'closeSession' || kind === 'keepAlive') return problem
  if (session.ackedBelow <= session.seq) return undefined
  return bad(`Sequence number ${session.seq} is already acknowledged: everything below ${session.ackedBelow} is`)
}

function commandProblem(command: Command, limits: RequestLimits): Problem {
  switch (command.kind) {
    case 'put':
      return keyProblem(command.key, limits) ?? valueProblem(command.value, limits) ?? versionProblem(command.ifVersion)
    case 'delete':
      return keyProblem(command.key, limits) ?? versionProblem(command.ifVersion)
    case 'deleteRange':
      return rangeProblem(command.range)
    case 'txn':
      return txnProblem(command, limits)
    case 'compact':
      return counterProblem('Revision', command.revision)
    case 'openSession':
      return ttlProblem(command.ttlMs)
    case 'note':
      return bad('A note for the audit trail goes to /v1/audit')
    case 'closeSession':
    case 'keepAlive':
      return undefined
    default:
      return unreachable(command)
  }
}

/** Also asked when a session is opened: these bounds are the same on every replica. */
export function ttlProblem(ttlMs: number): Problem {
  if (Number.isSafeInteger(ttlMs) && ttlMs >= sessionTtlMsMin && ttlMs <= sessionTtlMsMax) return undefined
  return bad(`Session lifetime is ${ttlMs} ms, wanted a whole number from ${sessionTtlMsMin} to ${sessionTtlMsMax}`)
}

function txnProblem(txn: Command & { kind: 'txn' }, limits: RequestLimits): Problem {
  const max = Math.min(limits.txnOperationsMax, txnListMax)
  for (const list of ['compare', 'then', 'else'] as const) {
    const count = txn[list].length
    if (count > max)
      return { code: 'TOO_LARGE', message: `Transaction has ${count} in "${list}", at most ${max} allowed` }
  }
  return (
    firstProblem(txn.compare, (compare) => compareProblem(compare, limits)) ??
    operationsProblem('then', txn.then, limits) ??
    operationsProblem('else', txn.else, limits)
  )
}

function compareProblem({ key, target, operand }: Compare, limits: RequestLimits): Problem {
  const problem = keyProblem(key, limits)
  if (problem !== undefined) return problem
  if (target !== 'value') {
    return typeof operand === 'number' ? counterProblem('Operand', operand) : bad(`${target} is compared with a number`)
  }
  return typeof operand === 'number' ? bad('A value is compared with bytes') : valueProblem(operand, limits)
}

function operationsProblem(list: string, operations: readonly Operation[], limits: RequestLimits): Problem {
  const put = new Set<string>()
  return firstProblem(operations, (operation) => {
    if (operation.kind !== 'put') {
      return rangeProblem(operation.range) ?? (operation.kind === 'get' ? limitProblem(operation.limit) : undefined)
    }
    if (put.has(operation.key)) return bad(`Transaction puts the same key twice in "${list}"`)
    put.add(operation.key)
    return keyProblem(operation.key, limits) ?? valueProblem(operation.value, limits)
  })
}

function sizeProblem(command: Command, { requestBytesMax }: RequestLimits): Problem {
  const bytes = commandBytes(command)
  if (bytes <= requestBytesMax) return undefined
  return { code: 'TOO_LARGE', message: `Request has ${bytes} bytes, at most ${requestBytesMax} allowed` }
}

function commandBytes(command: Command): number {
  if (command.kind === 'put') return command.key.length + command.value.length
  if (command.kind !== 'txn') return 0
  let bytes = 0
  for (const { key, operand } of command.compare)
    bytes += key.length + (typeof operand === 'number' ? 0 : operand.length)
  for (const operation of [...command.then, ...command.else]) {
    if (operation.kind === 'put') bytes += operation.key.length + operation.value.length
    else bytes += operation.range.start.length + (operation.range.end?.length ?? 0)
  }
  return bytes
}

function keyProblem(key: string, limits: RequestLimits): Problem {
  const max = Math.min(limits.keyBytesMax, keyBytesMax)
  if (key.length === 0) return bad('Key is empty')
  if (key.length > max) return { code: 'TOO_LARGE', message: `Key has ${key.length} bytes, at most ${max} allowed` }
  return isBinary(key) ? undefined : bad('Key is not a string of bytes')
}

function valueProblem({ length }: Uint8Array, { valueBytesMax }: RequestLimits): Problem {
  if (length <= valueBytesMax) return undefined
  return { code: 'TOO_LARGE', message: `Value has ${length} bytes, at most ${valueBytesMax} allowed` }
}

function rangeProblem({ start, end }: KeyRange): Problem {
  for (const bound of [start, end ?? '']) {
    if (bound.length > rangeBoundBytesMax) {
      return {
        code: 'TOO_LARGE',
        message: `Bound of a range has ${bound.length} bytes, at most ${rangeBoundBytesMax} allowed`,
      }
    }
    if (!isBinary(bound)) return bad('Bound of a range is not a string of bytes')
  }
  return end === undefined || end > start ? undefined : bad('Range ends at or before its start')
}

function versionProblem(ifVersion: number | undefined): Problem {
  return ifVersion === undefined ? undefined : counterProblem('Wanted version', ifVersion)
}

function limitProblem(limit: number): Problem {
  if (Number.isSafeInteger(limit) && limit >= 0 && limit <= 0xffffffff) return undefined
  return bad(`Limit is ${limit}, wanted a whole number from 0 (no limit) to 4294967295`)
}

function counterProblem(what: string, value: number): Problem {
  if (Number.isSafeInteger(value) && value >= 0) return undefined
  return bad(`${what} is ${value}, wanted a whole number from 0 to 9007199254740991`)
}

function isBinary(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0xff) return false
  return true
}

function firstProblem<T>(items: readonly T[], problemOf: (item: T) => Problem): Problem {
  for (const item of items) {
    const problem = problemOf(item)
    if (problem !== undefined) return problem
  }
  return undefined
}

function bad(message: string): RequestProblem {
  return { code: 'BAD_REQUEST', message }
}
