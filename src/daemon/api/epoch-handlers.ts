import { PaxosError } from '../../base/error.ts'
import { memberNamePattern, memberNameWanted, membersMax } from '../../base/member-bounds.ts'
import { type Epoch, isMember, type Member } from '../../protocol/epoch.ts'
import { epochDifference } from '../../protocol/epoch-difference.ts'
import {
  type EpochPlan,
  type MemberState,
  planEpoch,
  type WantedEpoch,
  type WantedMember,
} from '../../protocol/epoch-plan.ts'
import { auditLevel, featureLevels } from '../../protocol/feature-level.ts'
import { firstGroup, firstSlot, type NodeId } from '../../protocol/ids.ts'
import type { ChangeOutcome } from '../../runtime/epoch-change.ts'
import type { ReplicaStatus } from '../../runtime/replica-service.ts'
import type { EpochChangeJson, EpochsJson, MarginsJson } from '../../wire/api-types.ts'
import { fromEpoch } from '../../wire/epoch-json.ts'
import { systemClock } from '../clock.ts'
import { parseAddress } from '../config-setting.ts'
import { joinerProblem } from '../joiner-probe.ts'
import type { ApiState } from './api-state.ts'
import { detailText, note, noteFirst } from './audit-note.ts'
import { originOf } from './audit-origin.ts'
import { refuseBody } from './body.ts'
import { collectJson } from './command-handlers.ts'
import type { ApiContext } from './context.ts'
import { badRequest, quoteName } from './errors.ts'
import type { Exchange } from './exchange.ts'
import { JsonFields } from './json-fields.ts'
import type { Json } from './json-parse.ts'
import { lagSlotsOf } from './member-lag.ts'
import { QueryParameters } from './target.ts'

const bodyBytesMax = 64 * 1024
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
    epochs: (history ? known : known.slice(-1)).map(fromEpoch),
  }
  exchange.json(200, JSON.stringify(body))
}

/** Judges the change; unless it is a dry run or refused, makes it and answers when the new epoch has begun here. */
export function postEpoch(exchange: Exchange, state: ApiState): void {
  collectJson(exchange, state, bodyBytesMax, (body) => {
    const { context } = state
    const status = context.replica.status()
    const fields = new JsonFields(body, 'the body', ['after', 'members', 'q1', 'q2', 'featureLevel', 'dryRun'])
    const wanted = readWanted(fields, status.epoch)
    const plan = planEpoch({
      current: status.epoch,
      wanted,
      leader: leadingHere(context, status),
      lagSlotsMax: promotionLagSlotsMax,
      stateOf: (member) => memberState(context, status, member),
    })
    const isDryRun = fields.has('dryRun') && fields.flag('dryRun')
    findProblems(plan, status.epoch).then(
      (found) =>
        exchange.guard(() => carryOut(exchange, context, status.epoch, { ...plan, problems: found }, isDryRun)),
      (error: unknown) => exchange.fail(error),
    )
  })
}

/** Those of the plan, and of the nodes that it lets in: they are looked up from here, which will have to reach them. */
async function findProblems({ next, problems }: EpochPlan, current: Epoch): Promise<string[]> {
  const joiners = next.members.filter(({ id }) => !isMember(current, id))
  const asked = joiners.filter(({ peerAddress }) => peerAddress !== '')
  const found = await Promise.all(
    asked.map(({ name, peerAddress }) => joinerProblem(name, peerAddress, next.featureLevel)),
  )
  return [...problems, ...found.filter((problem) => problem !== undefined)]
}

function carryOut(exchange: Exchange, context: ApiContext, before: Epoch, plan: EpochPlan, isDryRun: boolean): void {
  if (isDryRun) {
    exchange.json(200, JSON.stringify(changeJson(plan, undefined)))
    return
  }
  if (plan.problems.length > 0) {
    throw new PaxosError('PRECONDITION_FAILED', plan.problems.join(' '), {
      hint: 'Nothing was changed. A dry run shows the whole plan.',
    })
  }
  const [origin, detail] = [originOf(exchange, context), detailText(epochDifference(before, plan.next))]
  // Those who apply the stop sign are in the epoch before, and must understand what it says.
  const by = before.featureLevel >= auditLevel ? { origin, detail, timeMs: systemClock.wallNow() } : undefined
  const done = (outcome: ChangeOutcome): void => {
    exchange.guard(() => {
      const epoch = begun(outcome)
      if (by === undefined) note(context, origin, 'epoch', detail)
      exchange.json(200, JSON.stringify(changeJson(plan, epoch)))
    })
  }
  context.replica.changeEpoch(plan.next, context.limits.requestTimeoutMs, done, by)
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
      if (!memberState(state.context, status, to.id).reachable)
        throw refused(`${name} does not answer, and cannot lead.`)
      noteFirst(state.context, originOf(exchange, state.context), 'leader', `to ${name}`, () => {
        exchange.guard(() => {
          // The note took a moment, and this node may have lost the lead in it.
          if (!replica.handOver(to.id)) throw leadsElsewhere(state.context, replica.status())
          exchange.json(200, JSON.stringify({ from: state.context.node.name, to: name }))
        })
      })
    } else {
      exchange.json(200, JSON.stringify({ from: state.context.node.name, to: name }))
    }
  })
}

/** Throws PaxosError NO_LEADER with directions when another node leads. */
function leadingHere(context: ApiContext, status: ReplicaStatus): NodeId {
  const { engine, self } = status
  if (engine.role === 'leader' && engine.steady) return self
  throw leadsElsewhere(context, status)
}

function leadsElsewhere(context: ApiContext, { engine, epoch, self }: ReplicaStatus): PaxosError {
  const leader = epoch.members.find(({ id }) => id === engine.leader && id !== self)
  const hint = leader === undefined ? 'No leader is known here; ask again soon.' : askLeader(context, leader)
  return new PaxosError('NO_LEADER', 'Only the leader changes this, and this node does not lead', { hint })
}

function askLeader(context: ApiContext, { id, name }: Member): string {
  // It comes with the connection to the leader, which may be down.
  const address = context.memberClientAddress(id)
  return address === undefined ? `Ask ${name}; its client address is not known here.` : `Ask ${name} at ${address}.`
}

function memberState(context: ApiContext, { engine, self }: ReplicaStatus, member: NodeId): MemberState {
  if (member === self) return { reachable: true, lagSlots: 0, featureMax: featureLevels.max }
  const featureMax = context.memberFeatureLevels(member)?.max
  const peer = engine.peers.find(({ id }) => id === member)
  return { reachable: peer?.reachable === true, lagSlots: lagSlotsOf(engine, peer), featureMax }
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
  const count = (name: 'q1' | 'q2' | 'featureLevel'): number | undefined =>
    fields.has(name) ? fields.integer(name, 1) : undefined
  return { after, members, q1: count('q1'), q2: count('q2'), featureLevel: count('featureLevel') }
}

function readMember(value: Json): WantedMember {
  const fields = new JsonFields(value, 'a member', ['name', 'peerAddress', 'kind'])
  const name = fields.get('name')
  if (typeof name !== 'string' || !memberNamePattern.test(name)) {
    throw badRequest(`"name" in a member must be ${memberNameWanted}`)
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
    next: epoch === undefined ? { ...fromEpoch({ ...next, startSlot: firstSlot }), startSlot: null } : fromEpoch(epoch),
  }
}

function refused(message: string): PaxosError {
  return new PaxosError('PRECONDITION_FAILED', message, { hint: 'Nothing was changed.' })
}
