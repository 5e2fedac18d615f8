import type { Key, KeyRange, Query } from '../../machine/request.ts'
import { firstGroup } from '../../protocol/ids.ts'
import type { Consistency } from '../../wire/client-codec.ts'
import { everything, prefixRange } from '../../wire/key-range.ts'
import { answerQuery, consistencyOf } from './answer-query.ts'
import type { ApiState } from './api-state.ts'
import { collectBody, refuseBody } from './body.ts'
import { badRequest } from './errors.ts'
import type { Exchange } from './exchange.ts'
import { itemJson } from './json.ts'
import { ifVersionOf, type ReplyOf, sessionOf, submitCommand } from './submit.ts'
import { percentDecode, QueryParameters } from './target.ts'

export const keyPathPrefix = '/v1/kv/'
export const listLimitDefault = 1000
export const listLimitMax = 10_000

export function putKey(exchange: Exchange, state: ApiState): void {
  const key = keyOf(exchange)
  if (exchange.query !== '') new QueryParameters(exchange.query, [])
  const ifVersion = ifVersionOf(exchange)
  const session = sessionOf(exchange)
  collectBody(exchange, state.context.requestLimits.valueBytesMax, state.budget, 'value', (value) => {
    submitCommand(exchange, state, session, { kind: 'put', key, value, ifVersion }, 'put', (reply) => {
      const { revision, version, slot } = reply
      exchange.json(200, `{"revision":${revision},"version":${version},"slot":${slot},"group":"${firstGroup}"}`)
    })
  })
}

export function getKey(exchange: Exchange, state: ApiState): void {
  const key = keyOf(exchange)
  let consistency: Consistency = 'linearizable'
  let revision: number | undefined
  if (exchange.query !== '') {
    const parameters = new QueryParameters(exchange.query, ['consistency', 'revision'])
    consistency = consistencyOf(parameters)
    revision = parameters.integer('revision', 0)
  }
  refuseBody(exchange)
  answerQuery(exchange, state.context, { kind: 'get', key, revision }, consistency, 'item', (answer) => {
    const revisionHeader = ['paxos-revision', String(answer.revision)]
    if (answer.item === undefined) {
      exchange.error('KEY_NOT_FOUND', 'The key does not exist', undefined, revisionHeader)
      return
    }
    const { value, createRevision, modRevision, version } = answer.item
    const headers = ['content-type', 'application/octet-stream', ...revisionHeader]
    headers.push('paxos-create-revision', String(createRevision), 'paxos-mod-revision', String(modRevision))
    headers.push('paxos-version', String(version))
    exchange.send(200, headers, value)
  })
}

export function deleteKey(exchange: Exchange, state: ApiState): void {
  const key = keyOf(exchange)
  if (exchange.query !== '') new QueryParameters(exchange.query, [])
  refuseBody(exchange)
  const ifVersion = ifVersionOf(exchange)
  submitCommand(exchange, state, sessionOf(exchange), { kind: 'delete', key, ifVersion }, 'delete', (reply) => {
    sendDeleted(exchange, reply)
  })
}

export function listKeys(exchange: Exchange, state: ApiState): void {
  const allowed = ['prefix', 'start', 'end', 'limit', 'revision', 'consistency', 'keysOnly']
  const parameters = new QueryParameters(exchange.query, allowed)
  const keysOnly = parameters.flag('keysOnly')
  const query: Query = {
    kind: 'range',
    range: rangeOf(parameters) ?? everything,
    limit: parameters.integer('limit', 1, listLimitMax) ?? listLimitDefault,
    revision: parameters.integer('revision', 0),
    keysOnly,
  }
  refuseBody(exchange)
  answerQuery(exchange, state.context, query, consistencyOf(parameters), 'items', (answer) => {
    const items = answer.items.map((item) => itemJson(item, keysOnly))
    exchange.json(200, JSON.stringify({ items, more: answer.more, revision: answer.revision }))
  })
}

export function deleteKeys(exchange: Exchange, state: ApiState): void {
  const parameters = new QueryParameters(exchange.query, ['prefix', 'start', 'end', 'all'])
  refuseBody(exchange)
  if (exchange.headers['if-version'] !== undefined) {
    throw badRequest('Header if-version goes with one key, not with a range')
  }
  const all = parameters.flag('all')
  const range = rangeOf(parameters) ?? everything
  if (range.start === '' && range.end === undefined && !all) {
    throw badRequest('This would delete every key', 'Say so with all=true, or give a prefix or a start and an end.')
  }
  submitCommand(exchange, state, sessionOf(exchange), { kind: 'deleteRange', range }, 'delete', (reply) => {
    sendDeleted(exchange, reply)
  })
}

/** Bounds of a range out of a query: `prefix`, or `start` and `end`, or undefined when none is given. */
function rangeOf(parameters: QueryParameters): KeyRange | undefined {
  const prefix = parameters.get('prefix')
  const start = parameters.get('start')
  const end = parameters.get('end')
  if (prefix !== undefined) {
    if (start !== undefined || end !== undefined) throw badRequest('prefix excludes start and end')
    return prefixRange(prefix)
  }
  if (start === undefined && end === undefined) return undefined
  if (end !== undefined && end <= (start ?? '')) throw badRequest('end must be above start')
  return { start: start ?? '', end }
}

function sendDeleted(exchange: Exchange, { deleted, revision, slot }: ReplyOf<'delete'>): void {
  exchange.json(200, `{"deleted":${deleted},"revision":${revision},"slot":${slot},"group":"${firstGroup}"}`)
}

/** Its length is checked with the whole request. */
function keyOf(exchange: Exchange): Key {
  return percentDecode(exchange.path.slice(keyPathPrefix.length), 'the key') as Key
}
