/**
 * Where requests come from, for the audit trail. Below the level that all members understand it at, nothing is ever said of
 * an origin: the bytes of a request are what they were before there was a trail.
 */
import { withOrigin } from '../../machine/command-codec.ts'
import type { Command } from '../../machine/request.ts'
import { auditLevel } from '../../protocol/feature-level.ts'
import { type Origin, originBounds } from '../../protocol/origin.ts'
import { actorHeader, actorHeaderProblem } from '../../wire/actor.ts'
import type { ApiContext } from './context.ts'
import { badRequest } from './errors.ts'
import type { Exchange } from './exchange.ts'

/** Throws PaxosError BAD_REQUEST when the actor cannot be one. */
export function originOf(exchange: Exchange, context: ApiContext): Origin {
  return toOrigin(exchange.headers[actorHeader], exchange.address, context)
}

export function toOrigin(header: string | string[] | undefined, address: string, { node }: ApiContext): Origin {
  const actor = typeof header === 'string' ? header : ''
  const problem = actor === '' ? undefined : actorHeaderProblem(actor)
  if (problem !== undefined) throw badRequest(`Header ${actorHeader} cannot be taken: ${problem}`)
  return { actor, node: node.name, address }
}

/** An address as the node saw it. Of a connection that broke at once there is none to see. */
export function seenAddress(remoteAddress: string | undefined): string {
  return (remoteAddress ?? 'unknown').replace(/^::ffff:/, '').slice(0, originBounds.address)
}

/** Whether every member understands a trail. */
export function hasTrail({ replica }: ApiContext): boolean {
  return (replica.epochs().at(-1)?.featureLevel ?? 0) >= auditLevel
}

/** Whether what a command changes goes into the trail: compactions always, writes by setting. */
export function isAudited(context: ApiContext, { kind }: Command): boolean {
  const isWanted =
    kind === 'compact' ||
    (context.auditWrites && (kind === 'put' || kind === 'delete' || kind === 'deleteRange' || kind === 'txn'))
  return isWanted && hasTrail(context)
}

/** The encoded request, with its origin if what it changes is audited. */
export function signed(context: ApiContext, command: Command, request: Uint8Array, origin: Origin): Uint8Array {
  return isAudited(context, command) ? withOrigin(request, origin) : request
}
