import { sessionTtlMsMax, sessionTtlMsMin } from '../../machine/bounds.ts'
import type { SessionStamp } from '../../machine/request.ts'
import { firstGroup } from '../../protocol/ids.ts'
import type { ApiState } from './api-state.ts'
import { collectBody, refuseBody } from './body.ts'
import type { ApiContext } from './context.ts'
import type { Exchange } from './exchange.ts'
import { JsonFields } from './json-fields.ts'
import { type Json, parseJson } from './json-parse.ts'
import { type ReplyOf, sessionOf, submitCommand } from './submit.ts'
import { parseInteger, QueryParameters } from './target.ts'
import { operationResultJson, readTxn } from './txn-json.ts'

export const sessionPathPrefix = '/v1/sessions/'
/** Bodies with a field or two. */
export const smallBodyBytesMax = 4096

export function postTxn(exchange: Exchange, state: ApiState): void {
  const session = sessionOf(exchange)
  collectJson(exchange, state, jsonBytesMax(state.context), (body) => {
    submitCommand(exchange, state, session, readTxn(body), 'txn', (reply) => {
      const { succeeded, revision, slot } = reply
      const results = reply.results.map(operationResultJson)
      exchange.json(200, JSON.stringify({ succeeded, results, revision, slot, group: firstGroup }))
    })
  })
}

export function postCompact(exchange: Exchange, state: ApiState): void {
  const session = sessionOf(exchange)
  collectJson(exchange, state, smallBodyBytesMax, (body) => {
    const revision = new JsonFields(body, 'the body', ['revision']).integer('revision', 0)
    submitCommand(exchange, state, session, { kind: 'compact', revision }, 'compact', (reply) => {
      const { compacted, slot } = reply
      exchange.json(200, JSON.stringify({ compacted, revision: reply.revision, slot, group: firstGroup }))
    })
  })
}

export function postSession(exchange: Exchange, state: ApiState): void {
  collectJson(exchange, state, smallBodyBytesMax, (body) => {
    const ttlMs = new JsonFields(body, 'the body', ['ttlMs']).integer('ttlMs', sessionTtlMsMin, sessionTtlMsMax)
    submitCommand(exchange, state, undefined, { kind: 'openSession', ttlMs }, 'session', (reply) => {
      sendSession(exchange, reply)
    })
  })
}

export function deleteSession(exchange: Exchange, state: ApiState): void {
  const session = sessionInPath(exchange, exchange.path.slice(sessionPathPrefix.length))
  submitCommand(exchange, state, session, { kind: 'closeSession' }, 'session', (reply) => {
    sendSession(exchange, reply)
  })
}

export function keepSessionAlive(exchange: Exchange, state: ApiState): void {
  const session = sessionInPath(exchange, exchange.path.slice(sessionPathPrefix.length, -'/keepalive'.length))
  submitCommand(exchange, state, session, { kind: 'keepAlive' }, 'session', (reply) => {
    sendSession(exchange, reply)
  })
}

function sessionInPath(exchange: Exchange, text: string): SessionStamp {
  new QueryParameters(exchange.query, [])
  refuseBody(exchange)
  return { id: parseInteger(text, 'The session id', 0), seq: 0, ackedBelow: 0 }
}

function sendSession(exchange: Exchange, { id, ttlMs, slot }: ReplyOf<'session'>): void {
  exchange.json(200, JSON.stringify({ id: String(id), ttlMs, slot, group: firstGroup }))
}

/** Base64 takes four bytes for three, and the names of the fields some more. */
export function jsonBytesMax(context: ApiContext): number {
  return Math.ceil(context.requestLimits.requestBytesMax * 1.5)
}

export function collectJson(exchange: Exchange, state: ApiState, bytesMax: number, done: (body: Json) => void): void {
  new QueryParameters(exchange.query, [])
  collectBody(exchange, bytesMax, state.budget, 'body', (bytes) => done(parseJson(bytes)))
}
