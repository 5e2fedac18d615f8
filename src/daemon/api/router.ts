import { clientProtocol, clientStreamPath } from '../../wire/client-codec.ts'
import type { ApiState, Handler } from './api-state.ts'
import { getAudit, getAuditChanges, postAudit } from './audit-handlers.ts'
import { getBackup, getIncrement } from './backup-handlers.ts'
import {
  deleteSession,
  keepSessionAlive,
  postCompact,
  postSession,
  postTxn,
  sessionPathPrefix,
} from './command-handlers.ts'
import { getEpoch, postEpoch, postLeader } from './epoch-handlers.ts'
import type { Exchange } from './exchange.ts'
import { postFill } from './fill-handlers.ts'
import type { HttpExchange } from './http-exchange.ts'
import { deleteKey, deleteKeys, getKey, keyPathPrefix, listKeys, putKey } from './kv-handlers.ts'
import { getGaps, getLog, getVotes } from './log-handlers.ts'
import { getReclaim, getSpace, getSpaceKeys, postReclaim } from './space-handlers.ts'
import {
  getConfig,
  getDiagnosis,
  getLivez,
  getLogLevel,
  getLogLines,
  getMetrics,
  getOpenApi,
  getReadyz,
  getRecovery,
  getStatus,
  putLogLevel,
} from './status-handlers.ts'
import { getVerify, getVerifyContent } from './verify-handlers.ts'

type Methods<H> = Readonly<Record<string, H>>

const keyMethods: Methods<(exchange: Exchange, state: ApiState) => void> = {
  GET: getKey,
  PUT: putKey,
  DELETE: deleteKey,
}
const sessionMethods: Methods<Handler> = { DELETE: deleteSession }
const keepAliveMethods: Methods<Handler> = { POST: keepSessionAlive }

const routes: ReadonlyMap<string, Methods<Handler>> = new Map<string, Methods<Handler>>([
  ['/v1/kv', { GET: listKeys, DELETE: deleteKeys }],
  ['/v1/txn', { POST: postTxn }],
  ['/v1/compact', { POST: postCompact }],
  ['/v1/sessions', { POST: postSession }],
  ['/v1/audit', { GET: getAudit, POST: postAudit }],
  ['/v1/audit/changes', { GET: getAuditChanges }],
  ['/v1/status', { GET: getStatus }],
  ['/v1/config', { GET: getConfig }],
  ['/v1/diagnosis', { GET: getDiagnosis }],
  ['/v1/space', { GET: getSpace }],
  ['/v1/space/reclaim', { GET: getReclaim, POST: postReclaim }],
  ['/v1/space/keys', { GET: getSpaceKeys }],
  ['/v1/backup', { GET: getBackup }],
  ['/v1/recovery', { GET: getRecovery }],
  ['/v1/backup/increment', { GET: getIncrement }],
  ['/v1/log', { GET: getLog }],
  ['/v1/log/gaps', { GET: getGaps }],
  ['/v1/log/votes', { GET: getVotes }],
  ['/v1/log/fill', { POST: postFill }],
  ['/v1/epoch', { GET: getEpoch, POST: postEpoch }],
  ['/v1/leader', { POST: postLeader }],
  ['/v1/log-lines', { GET: getLogLines }],
  ['/v1/log/verify', { GET: getVerify }],
  ['/v1/log/verify/content', { GET: getVerifyContent }],
  ['/v1/log-level', { GET: getLogLevel, PUT: putLogLevel }],
  [clientStreamPath, { GET: streamWithoutUpgrade }],
  ['/livez', { GET: getLivez }],
  ['/readyz', { GET: getReadyz }],
  ['/metrics', { GET: getMetrics }],
  ['/openapi.json', { GET: getOpenApi }],
])

export function route(exchange: HttpExchange, state: ApiState): void {
  const { path } = exchange
  if (path.startsWith(keyPathPrefix)) {
    routeKey(exchange, state)
    return
  }
  const methods = methodsOf(path)
  if (methods === undefined) {
    exchange.error('NOT_FOUND', 'There is nothing at this path', 'GET /openapi.json lists every path.')
    return
  }
  handlerOf(exchange, methods)?.(exchange, state)
}

/** The path is that of a key. */
export function routeKey(exchange: Exchange, state: ApiState): void {
  handlerOf(exchange, keyMethods)?.(exchange, state)
}

/** Undefined, and answered, when there is none. */
function handlerOf<H>(exchange: Exchange, methods: Methods<H>): H | undefined {
  const { method } = exchange
  if (Object.hasOwn(methods, method)) return methods[method]
  const allow = Object.keys(methods).join(', ')
  exchange.error('METHOD_NOT_ALLOWED', 'This path does not take this method', `It takes ${allow}.`, ['allow', allow])
  return undefined
}

function methodsOf(path: string): Methods<Handler> | undefined {
  if (!path.startsWith(sessionPathPrefix)) return routes.get(path)
  const rest = path.slice(sessionPathPrefix.length)
  const slash = rest.indexOf('/')
  if (slash < 0) return sessionMethods
  return rest.slice(slash) === '/keepalive' ? keepAliveMethods : undefined
}

function streamWithoutUpgrade(exchange: Exchange): void {
  const hint = `Send "Connection: Upgrade" and "Upgrade: ${clientProtocol}".`
  exchange.error('BAD_REQUEST', 'This path is for upgraded connections', hint, ['upgrade', clientProtocol])
}
