import { formatBallot } from '../../protocol/ballot.ts'
import { featureLevels } from '../../protocol/feature-level.ts'
import type { NodeId } from '../../protocol/ids.ts'
import type { ReplicaStatus } from '../../runtime/replica-service.ts'
import {
  type GroupStatusJson,
  logLevels,
  type MemberStatusJson,
  type ReadyJson,
  type StatusJson,
} from '../../wire/api-types.ts'
import { survivorJson } from '../../wire/survivor-json.ts'
import type { ApiState } from './api-state.ts'
import { note } from './audit-note.ts'
import { originOf } from './audit-origin.ts'
import { refuseBody } from './body.ts'
import { collectJson, smallBodyBytesMax } from './command-handlers.ts'
import type { ApiContext } from './context.ts'
import type { Exchange } from './exchange.ts'
import { JsonFields } from './json-fields.ts'
import { lagSlotsOf } from './member-lag.ts'
import { openApiText } from './openapi.ts'
import { QueryParameters } from './target.ts'

export function getStatus(exchange: Exchange, { context }: ApiState): void {
  takesNothing(exchange)
  exchange.json(200, JSON.stringify(statusJson(context)))
}

/** Alive is who answers; a node without a leader is alive, and a restart would not help it. */
export function getLivez(exchange: Exchange): void {
  takesNothing(exchange)
  exchange.json(200, '{"live":true}')
}

export function getReadyz(exchange: Exchange, state: ApiState): void {
  takesNothing(exchange)
  const reason = state.stopping ? 'the node is stopping' : (notReady(state.context) ?? null)
  const body: ReadyJson = { ready: reason === null, reason }
  exchange.json(reason === null ? 200 : 503, JSON.stringify(body))
}

export function getMetrics(exchange: Exchange, { context }: ApiState): void {
  takesNothing(exchange)
  context.metricsText().then(
    (text) => exchange.send(200, ['content-type', 'text/plain; version=0.0.4; charset=utf-8'], text),
    (error: unknown) => exchange.fail(error),
  )
}

export function getDiagnosis(exchange: Exchange, { context }: ApiState): void {
  takesNothing(exchange)
  context.diagnosis().then(
    (diagnosis) => exchange.json(200, JSON.stringify(diagnosis)),
    (error: unknown) => exchange.fail(error),
  )
}

/** Entries as they are, values included: who may read this may read everything. */
export function getRecovery(exchange: Exchange, { context }: ApiState): void {
  takesNothing(exchange)
  exchange.json(200, JSON.stringify(survivorJson(context.survivor())))
}

export function getConfig(exchange: Exchange, { context }: ApiState): void {
  takesNothing(exchange)
  exchange.json(200, JSON.stringify(context.config()))
}

export function getLogLines(exchange: Exchange, { context }: ApiState): void {
  takesNothing(exchange)
  exchange.send(200, ['content-type', 'application/x-ndjson'], context.logLines())
}

export function getOpenApi(exchange: Exchange, { context }: ApiState): void {
  takesNothing(exchange)
  exchange.json(200, openApiText(context.node.version))
}

export function getLogLevel(exchange: Exchange, { context }: ApiState): void {
  takesNothing(exchange)
  exchange.json(200, JSON.stringify({ level: context.getLogLevel() }))
}

export function putLogLevel(exchange: Exchange, state: ApiState): void {
  collectJson(exchange, state, smallBodyBytesMax, (body) => {
    const level = new JsonFields(body, 'the body', ['level']).choice('level', logLevels)
    const origin = originOf(exchange, state.context)
    state.context.setLogLevel(level)
    note(state.context, origin, 'log-level', `to ${level}`)
    exchange.json(200, JSON.stringify({ level }))
  })
}

export function takesNothing(exchange: Exchange): void {
  new QueryParameters(exchange.query, [])
  refuseBody(exchange)
}

export function statusJson(context: ApiContext): StatusJson {
  const status = context.replica.status()
  const { name, id, incarnation, version, clientAddress, peerAddress } = context.node
  return {
    clusterId: context.clusterId,
    node: {
      ...{ name, id: String(id), pid: process.pid, incarnation },
      ...{ version, clientAddress, peerAddress, featureLevels },
    },
    groups: [groupJson(status, notReady(context))],
    members: status.epoch.members.map((member): MemberStatusJson => {
      const isSelf = member.id === status.self
      const peer = status.engine.peers.find((candidate) => candidate.id === member.id)
      return {
        name: member.name,
        id: String(member.id),
        kind: member.kind,
        peerAddress: member.peerAddress,
        clientAddress: (isSelf ? clientAddress : context.memberClientAddress(member.id)) ?? null,
        reachable: isSelf || peer?.reachable === true,
        lagSlots: isSelf ? 0 : (lagSlotsOf(status.engine, peer) ?? null),
      }
    }),
  }
}

/** With what the others say, if they will have nothing to do with this node: it cannot know better itself. */
function notReady({ replica, whyShunned }: ApiContext): string | undefined {
  const own = replica.status().notReady
  const shunned = own === undefined ? undefined : whyShunned()
  return shunned === undefined ? own : `${own}; ${shunned}`
}

function groupJson(status: ReplicaStatus, reason: string | undefined): GroupStatusJson {
  const { engine, epoch } = status
  return {
    group: status.group,
    epoch: epoch.number,
    featureLevel: epoch.featureLevel,
    protocol: epoch.protocol,
    role: engine.role,
    leader: memberName(status, engine.leader) ?? null,
    ballot: formatBallot(engine.ballot),
    promised: formatBallot(engine.promised),
    chosen: engine.chosenUpTo,
    applied: status.appliedUpTo,
    durable: status.durableUpTo,
    truncated: status.truncatedUpTo,
    revision: status.revision,
    compactedRevision: status.compactedRevision,
    steady: engine.steady,
    notReady: reason ?? null,
    sessions: status.sessions,
    verifiedUpTo: status.verifiedUpTo ?? null,
    diverged: status.diverged.map(({ node }) => memberName(status, node) ?? String(node)),
    q1: epoch.q1,
    q2: epoch.q2,
    leaseMs: epoch.leaseMs,
    openSlots: engine.openSlots,
    logBytes: engine.logBytes,
    elections: engine.elections,
    queuedRequests: status.queuedRequests,
    queuedReads: status.queuedReads,
  }
}

export function memberName(status: ReplicaStatus, id: NodeId | undefined): string | undefined {
  return status.epoch.members.find((member) => member.id === id)?.name
}
