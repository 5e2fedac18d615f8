import { PaxosError } from '../../base/error.ts'
import type { Epoch, Member, NextEpoch } from '../../protocol/epoch.ts'
import {
  type EpochPlan,
  type MemberState,
  planEpoch,
  type WantedEpoch,
  type WantedMember,
} from '../../protocol/epoch-plan.ts'
import { firstGroup, type NodeId } from '../../protocol/ids.ts'
import type { ChangeOutcome } from '../../runtime/epoch-change.ts'
import type { ReplicaStatus } from '../../runtime/replica-service.ts'
import type { EpochChangeJson, EpochJson, EpochsJson, MarginsJson } from '../../wire/api-types.ts'
import { parseAddress } from '../config-setting.ts'
import type { ApiState } from './api-state.ts'
import { refuseBody } from './body.ts'
import { collectJson } from './command-handlers.ts'
import type { ApiContext } from './context.ts'
import { badRequest, quoteName } from './errors.ts'
import type { Exchange } from './exchange.ts'
import { JsonFields } from './json-fields.ts'
import type { Json } from './json-parse.ts'
import { QueryParameters } from './target.ts'

const bodyBytesMax = 64 * 1024
const membersMax = 64
const nameCharsMax = 64
/** A learner that lags by more is not made an acceptor: the first choice with it would wait. */
const promotionLagSlotsMax = 1000

/** Works on any node without a quorum: what it knows. */
export function getEpoch(exchange: Exchange, { context }: ApiState): void {
  const history = new QueryParameters(exchange.query, ['history']).flag('history')
  refuseBody(exchange)
  const known = context.replica.epochs()
  const body: EpochsJson = {
    clusterId: context.clusterId,
    group: firstGroup,
    epochs: (history ? known : known.slice(-1)).map(epochJson),
  }
  exchange.json(200, JSON.stringify(body))
}

/** Judges the change; unless it is a dry run or refused, makes it and answers when the new epoch has begun here. */
export function postEpoch(exchange: Exchange, state: ApiState): void {
  collectJson(exchange, state, bodyBytesMax, (body) => {
    const { context } = state
    const status = context.replica.status()
    const fields = new JsonFields(body, 'the body', ['after', 'members', 'q1', 'q2', 'dryRun'])
    const wanted = readWanted(fields, status.epoch)
    const plan = planEpoch({
      current: status.epoch,
      wanted,
      leader: leadingHere(context, status),
      lagSlotsMax: promotionLagSlotsMax,
      stateOf: (member) => memberState(status, member),
    })
    if (fields.has('dryRun') && fields.flag('dryRun')) {
      exchange.json(200, JSON.stringify(changeJson(plan, undefined)))
      return
    }
    if (plan.problems.length > 0) {
      throw new PaxosError('PRECONDITION_FAILED', plan.problems.join(' '), {
        hint: 'Nothing was changed. A dry run shows the whole plan.',
      })
    }
    context.replica.changeEpoch(plan.next, context.limits.requestTimeoutMs, (outcome) => {
      exchange.guard(() => exchange.json(200, JSON.stringify(changeJson(plan, begun(outcome)))))
    })
  })
}

/** Hands leadership over. Answers when the leader has given up; who leads next shows in the status. */
export function postLeader(exchange: Exchange, state: ApiState): void {
  collectJson(exchange, state, bodyBytesMax, (body) => {
    const { replica } = state.context
    const status = replica.status()
    const name = new JsonFields(body, 'the body', ['to']).get('to')
    if (typeof name !== 'string') throw badRequest('"to" in the body must be the name of a member')
    leadingHere(state.context, status)
    const to = status.epoch.members.find((member) => member.name === name)
    if (to === undefined) throw new PaxosError('NOT_FOUND', `There is no member ${quoteName(name)} in this epoch`)
    if (to.kind !== 'acceptor') throw refused(`${name} is a learner, and cannot lead.`)
    if (to.id !== status.self) {
      if (!memberState(status, to.id).reachable) throw refused(`${name} does not answer, and cannot lead.`)
      replica.handOver(to.id)
    }
    exchange.json(200, JSON.stringify({ from: state.context.node.name, to: name }))
  })
}

/** Throws PaxosError NO_LEADER with directions when another node leads. */
function leadingHere(context: ApiContext, { engine, epoch, self }: ReplicaStatus): NodeId {
  if (engine.role === 'leader' && engine.steady) return self
  const leader = epoch.members.find(({ id }) => id === engine.leader && id !== self)
  const address = leader === undefined ? undefined : context.memberClientAddress(leader.id)
  const where = leader === undefined ? 'No leader is known here; ask again soon.' : `Ask ${leader.name} at ${address}.`
  throw new PaxosError('NO_LEADER', 'Only the leader changes this, and this node does not lead', { hint: where })
}

function memberState({ engine, self }: ReplicaStatus, member: NodeId): MemberState {
  if (member === self) return { reachable: true, lagSlots: 0 }
  const peer = engine.peers.find(({ id }) => id === member)
  if (peer === undefined) return { reachable: false, lagSlots: undefined }
  return { reachable: peer.reachable, lagSlots: Math.max(0, engine.chosenUpTo - peer.chosenUpTo) }
}

function begun(outcome: ChangeOutcome): Epoch {
  if (outcome.kind === 'begun') return outcome.epoch
  throw new PaxosError(outcome.code, outcome.message, {
    hint: '`paxos epoch show` says which epoch is the newest, and who is in it.',
  })
}

function readWanted(fields: JsonFields, current: Epoch): WantedEpoch {
  const after = fields.has('after') ? fields.integer('after', 1) : current.number
  const given = fields.list('members')
  if (given.length > membersMax) throw badRequest(`"members" in the body has more than ${membersMax} members`)
  const members = fields.has('members') ? given.map(readMember) : current.members.map(asWanted)
  const size = (name: 'q1' | 'q2'): number | undefined => (fields.has(name) ? fields.integer(name, 1) : undefined)
  return { after, members, q1: size('q1'), q2: size('q2') }
}

function readMember(value: Json): WantedMember {
  const fields = new JsonFields(value, 'a member', ['name', 'peerAddress', 'kind'])
  const name = fields.get('name')
  if (typeof name !== 'string' || !/^[A-Za-z0-9._-]+$/.test(name) || name.length > nameCharsMax) {
    throw badRequest(`"name" in a member must be 1 to ${nameCharsMax} letters, digits, dots, dashes or underscores`)
  }
  const peerAddress = fields.get('peerAddress')
  if (peerAddress !== undefined && (typeof peerAddress !== 'string' || parseAddress(peerAddress) === undefined)) {
    throw badRequest(`"peerAddress" of ${name} must be HOST:PORT`)
  }
  return { name, peerAddress, kind: fields.choice('kind', ['acceptor', 'learner'] as const) }
}

function asWanted({ name, kind }: Member): WantedMember {
  return { name, peerAddress: undefined, kind }
}

function epochJson({ number, startSlot, ...rest }: Epoch): EpochJson {
  return { ...nextJson({ number, ...rest }), startSlot }
}

function nextJson({ number, protocol, members, q1, q2, leaseMs }: NextEpoch): Omit<EpochJson, 'startSlot'> {
  const each = members.map(({ id, name, peerAddress, kind }) => ({ name, id: String(id), kind, peerAddress }))
  return { epoch: number, protocol, q1, q2, leaseMs, members: each }
}

function changeJson({ next, before, after, problems, warnings }: EpochPlan, epoch: Epoch | undefined): EpochChangeJson {
  const margins = ({ acceptors, reachable, q1, q2, toElect, toCommit }: MarginsJson): MarginsJson => ({
    ...{ acceptors, reachable, q1, q2 },
    ...{ toElect, toCommit },
  })
  return {
    done: epoch !== undefined,
    before: margins(before),
    after: margins(after),
    problems,
    warnings,
    next: epoch === undefined ? { ...nextJson(next), startSlot: null } : epochJson(epoch),
  }
}

function refused(message: string): PaxosError {
  return new PaxosError('PRECONDITION_FAILED', message, { hint: 'Nothing was changed.' })
}
