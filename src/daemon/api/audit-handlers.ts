import { assert } from '../../base/assert.ts'
import type { Key } from '../../machine/request.ts'
import { detailBytesMax } from '../../protocol/origin.ts'
import { noteActions } from '../../wire/audit-types.ts'
import { answerQuery, consistencyOf } from './answer-query.ts'
import type { ApiState } from './api-state.ts'
import { changesJson, trailJson } from './audit-json.ts'
import { submitNote } from './audit-note.ts'
import { hasTrail, originOf } from './audit-origin.ts'
import { refuseBody } from './body.ts'
import { collectJson, smallBodyBytesMax } from './command-handlers.ts'
import type { ApiContext } from './context.ts'
import { badRequest } from './errors.ts'
import type { Exchange } from './exchange.ts'
import { JsonFields } from './json-fields.ts'
import { noTrail } from './no-trail.ts'
import { QueryParameters } from './target.ts'

const limitDefault = 100
const limitMax = 1000

export function getAudit(exchange: Exchange, { context }: ApiState): void {
  const parameters = new QueryParameters(exchange.query, ['trail', 'before', 'limit', 'key', 'consistency'])
  const query = {
    kind: 'trail',
    trail: parameters.choice('trail', ['admin', 'writes'] as const) ?? 'admin',
    before: parameters.integer('before', 0),
    limit: parameters.integer('limit', 1, limitMax) ?? limitDefault,
    key: parameters.get('key') as Key | undefined,
  } as const
  refuseBody(exchange)
  mustHaveTrail(context)
  answerQuery(exchange, context, query, consistencyOf(parameters), 'trail', (answer) => {
    exchange.json(200, JSON.stringify(trailJson(answer)))
  })
}

export function getAuditChanges(exchange: Exchange, { context }: ApiState): void {
  const parameters = new QueryParameters(exchange.query, ['key', 'before', 'limit', 'consistency'])
  const key = parameters.get('key') as Key | undefined
  if (key === undefined) throw badRequest('Query parameter "key" is missing')
  const before = parameters.integer('before', 0)
  const limit = parameters.integer('limit', 1, limitMax) ?? limitDefault
  refuseBody(exchange)
  mustHaveTrail(context)
  const query = { kind: 'changes', key, before, limit } as const
  answerQuery(exchange, context, query, consistencyOf(parameters), 'changes', (answer) => {
    exchange.json(200, JSON.stringify(changesJson(answer)))
  })
}

/** What a tool did to the nodes, or whatever an operator wants to be remembered. */
export function postAudit(exchange: Exchange, state: ApiState): void {
  collectJson(exchange, state, smallBodyBytesMax, (body) => {
    const { context } = state
    const fields = new JsonFields(body, 'the body', ['action', 'detail'])
    const action = fields.choice('action', noteActions)
    const detail = fields.get('detail')
    if (typeof detail !== 'string' || Buffer.byteLength(detail) > detailBytesMax) {
      throw badRequest(`"detail" in the body must be text of at most ${detailBytesMax} bytes`)
    }
    mustHaveTrail(context)
    submitNote(context, originOf(exchange, context), action, detail, context.limits.requestTimeoutMs, (outcome) => {
      if (outcome.kind === 'failed') exchange.error(outcome.code, outcome.message)
      else if (outcome.reply.kind === 'error') exchange.error(outcome.reply.code, outcome.reply.message)
      else {
        const { reply } = outcome
        assert(reply.kind === 'noted', 'a note was answered with %s', reply.kind)
        exchange.json(200, JSON.stringify({ number: reply.number, slot: reply.slot }))
      }
    })
  })
}

function mustHaveTrail(context: ApiContext): void {
  if (hasTrail(context)) return
  throw noTrail(context.replica.epochs().at(-1)?.featureLevel ?? 0)
}
