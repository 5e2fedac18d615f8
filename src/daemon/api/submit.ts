import { assert } from '../../base/assert.ts'
import { encodeRequest } from '../../machine/command-codec.ts'
import { requestProblem } from '../../machine/limits.ts'
import type { Command, Reply, SessionStamp } from '../../machine/request.ts'
import type { ApiState } from './api-state.ts'
import { isAudited, originOf } from './audit-origin.ts'
import { badRequest } from './errors.ts'
import type { Exchange } from './exchange.ts'
import { parseInteger } from './target.ts'

export type ReplyOf<K extends Reply['kind']> = Extract<Reply, { readonly kind: K }>

/** Validates and submits one command. `render` gets its reply, which is of kind `kind`, unless it is an error. */
export function submitCommand<K extends Exclude<Reply['kind'], 'error'>>(
  exchange: Exchange,
  { context }: ApiState,
  session: SessionStamp | undefined,
  command: Command,
  kind: K,
  render: (reply: ReplyOf<K>) => void,
): void {
  const request = { session, command }
  const problem = requestProblem(request, context.requestLimits)
  if (problem !== undefined) {
    exchange.error(problem.code, problem.message)
    return
  }
  const origin = originOf(exchange, context)
  const encoded = encodeRequest(isAudited(context, command) ? { ...request, origin } : request)
  context.replica.submit(encoded, context.limits.requestTimeoutMs, (outcome) => {
    if (outcome.kind === 'failed') {
      exchange.error(outcome.code, outcome.message)
      return
    }
    const { reply } = outcome
    if (reply.kind === 'error') exchange.error(reply.code, reply.message)
    else if (isReplyOf(reply, kind)) render(reply)
    else assert(false, 'a %s was answered with %s instead of %s', command.kind, reply.kind, kind)
  })
}

function isReplyOf<K extends Reply['kind']>(reply: Reply, kind: K): reply is ReplyOf<K> {
  return reply.kind === kind
}

/** Throws PaxosError BAD_REQUEST when only a part of the session headers is there or one is not a number. */
export function sessionOf(exchange: Exchange): SessionStamp | undefined {
  const { headers } = exchange
  const id = headers['paxos-session']
  const seq = headers['paxos-seq']
  const ackedBelow = headers['paxos-acked-below']
  if (id === undefined && seq === undefined && ackedBelow === undefined) return undefined
  if (id === undefined || seq === undefined) {
    throw badRequest(
      'The headers paxos-session and paxos-seq are needed together',
      'POST /v1/sessions opens a session.',
    )
  }
  const stamp = {
    id: headerInteger(id, 'paxos-session', 0),
    seq: headerInteger(seq, 'paxos-seq', 1),
    ackedBelow: ackedBelow === undefined ? 0 : headerInteger(ackedBelow, 'paxos-acked-below', 0),
  }
  if (stamp.ackedBelow > stamp.seq) throw badRequest('Header paxos-acked-below must not be above paxos-seq')
  return stamp
}

/** Header `if-version`; 0 means that the key must not exist. */
export function ifVersionOf(exchange: Exchange): number | undefined {
  const value = exchange.headers['if-version']
  return value === undefined ? undefined : headerInteger(value, 'if-version', 0)
}

function headerInteger(value: string | readonly string[], name: string, min: number): number {
  if (typeof value !== 'string') throw badRequest(`Header ${name} is given twice`)
  return parseInteger(value, `Header ${name}`, min)
}
