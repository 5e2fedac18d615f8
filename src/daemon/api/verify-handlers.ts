import { rangeBoundBytesMax } from '../../machine/bounds.ts'
import { toSlot } from '../../protocol/ids.ts'
import type { ChainVerdict, MemberVerdict } from '../../runtime/chain-comparison.ts'
import type { ContentOutcome } from '../../runtime/content-verifier.ts'
import type { ReplicaStatus } from '../../runtime/replica-service.ts'
import type { MemberVerdictJson, VerifyContentJson, VerifyJson } from '../../wire/api-types.ts'
import type { ApiState } from './api-state.ts'
import { refuseBody } from './body.ts'
import { badRequest } from './errors.ts'
import type { Exchange } from './exchange.ts'
import { binaryField } from './json.ts'
import { memberName } from './status-handlers.ts'
import { QueryParameters, slotRangeOf } from './target.ts'

export function getVerify(exchange: Exchange, { context }: ApiState): void {
  const { from, to } = slotRangeOf(new QueryParameters(exchange.query, ['from', 'to']))
  refuseBody(exchange)
  const { replica, limits } = context
  const slot = (value: number | undefined) => (value === undefined ? undefined : toSlot(value))
  replica.verify({ from: slot(from), to: slot(to) }, limits.inspectTimeoutMs, (verdict) => {
    exchange.json(200, JSON.stringify(verifyJson(replica.status(), verdict)))
  })
}

/** One page of keys; whoever wants them all asks again from `next` on, at the same revision. */
export function getVerifyContent(exchange: Exchange, { context }: ApiState): void {
  const parameters = new QueryParameters(exchange.query, ['revision', 'start'])
  const revision = parameters.integer('revision', 0)
  const start = parameters.get('start') ?? ''
  if (start.length > rangeBoundBytesMax) throw badRequest(`start has more than ${rangeBoundBytesMax} bytes`)
  refuseBody(exchange)
  const { replica, limits } = context
  replica.verifyContent({ revision, start }, limits.inspectTimeoutMs, (outcome) => {
    if (outcome.kind === 'failed') exchange.error(outcome.code, outcome.message)
    else exchange.json(200, JSON.stringify(contentJson(replica.status(), outcome)))
  })
}

function contentJson(status: ReplicaStatus, outcome: ContentOutcome & { kind: 'compared' }): VerifyContentJson {
  const { revision, keys, next, verdict } = outcome
  const { first, members } = verdict
  return {
    group: status.group,
    revision,
    keys,
    verdict: verdict.verdict,
    members: members.map(({ node, state }) => ({ member: memberName(status, node) ?? String(node), state })),
    more: next !== undefined,
    ...(next === undefined ? {} : binaryField('next', next)),
    ...(first === undefined ? {} : binaryField('firstKey', first.start)),
    ...(first?.end === undefined ? {} : binaryField('beforeKey', first.end)),
  }
}

function verifyJson(status: ReplicaStatus, { verdict, checkedUpTo, members }: ChainVerdict): VerifyJson {
  return {
    group: status.group,
    epoch: status.epoch.number,
    verdict,
    checkedUpTo: checkedUpTo ?? null,
    members: members.map((member) => memberJson(status, member)),
  }
}

function memberJson(status: ReplicaStatus, member: MemberVerdict): MemberVerdictJson {
  const { node, state, report, slot, value, first } = member
  return {
    member: memberName(status, node) ?? String(node),
    state,
    applied: report?.appliedUpTo ?? null,
    revision: report?.revision ?? null,
    since: report?.since ?? null,
    slot: slot ?? null,
    chain: value === undefined ? null : hashText(value),
    firstSlot: first?.from ?? null,
    beforeSlot: first?.to ?? null,
  }
}

/** A hash as people compare it. */
function hashText(hash: string): string {
  return Buffer.from(hash, 'latin1').toString('hex')
}
