import { assert } from '../base/assert.ts'
import type { StatusJson } from '../wire/api-types.ts'
import { searchLeader } from './leader.ts'
import type { StatusSource } from './member-answers.ts'
import { memberNamed } from './member-named.ts'

export interface StopMargin {
  readonly member: string
  readonly okToStop: boolean
  /** The arithmetic, in words. */
  readonly reason: string
  /** Acceptors that answer the leader now, the member among them or not; without a leader, whoever hears most of them. Null of a stopped node. */
  readonly reachable: number | null
  readonly acceptors: number
  readonly q1: number
  readonly q2: number
}

/** As the leader has it, or a no when nobody leads. Throws PaxosError NOT_FOUND, and CANNOT_CONNECT when nobody answers. */
export async function askStopMargin(
  admin: StatusSource,
  endpoints: readonly string[],
  wanted: string,
): Promise<StopMargin> {
  const { leader, answers } = await searchLeader(admin, endpoints)
  if (leader !== undefined) return stopMargin(leader.status, memberNamed(leader.status, wanted).name)
  const [best] = answers.toSorted((a, b) => answeringOf(b).length - answeringOf(a).length)
  assert(best !== undefined, 'nobody answered, and nobody failed to')
  return withoutLeader(best, memberNamed(best, wanted).name)
}

/** What does not choose now cannot spare anybody, whoever comes back. */
function withoutLeader(status: StatusJson, name: string): StopMargin {
  const { q1 = 0, q2 = 0 } = status.groups[0] ?? {}
  const [acceptors, answering] = [acceptorsOf(status).length, answeringOf(status).length]
  const seen = `${answering} of ${acceptors} acceptors answer, as ${status.node.name} sees it`
  const reason = `nobody leads; ${seen}; ${q1} can elect and ${q2} can choose`
  return { member: name, okToStop: false, reason, reachable: answering, acceptors, q1, q2 }
}

/** As the directory of a stopped node has it: yes to a learner, which nothing waits for, and else a no. */
export function stoppedMargin(status: StatusJson, wanted: string): StopMargin {
  const { name } = memberNamed(status, wanted)
  const margin = stopMargin(status, name)
  if (margin.okToStop) return { ...margin, reachable: null }
  const self = status.node.name
  const acceptors = acceptorsOf(status)
  const left = acceptors.filter((member) => member.name !== name && member.name !== self)
  const { q1, q2 } = margin
  const without = [...new Set([name, self])].join(' and ')
  const most = `without ${without}, at most ${left.length} of ${acceptors.length} acceptors answer; ${q1} can elect and ${q2} can choose`
  const reason = `${most}; ${self} is stopped, and does not know who answers`
  return { ...margin, reason, reachable: null }
}

/** Whether the others can elect and choose without this member, as the leader's status has it. */
export function stopMargin(status: StatusJson, name: string): StopMargin {
  const { q1 = 0, q2 = 0 } = status.groups[0] ?? {}
  const [acceptors, answering] = [acceptorsOf(status), answeringOf(status)]
  const common = { member: name, reachable: answering.length, acceptors: acceptors.length, q1, q2 }
  if (!acceptors.some((member) => member.name === name)) {
    return { ...common, okToStop: true, reason: `${name} is a learner: nothing waits for it` }
  }
  const left = answering.filter((member) => member.name !== name)
  const without = `without ${name}, ${left.length} of ${acceptors.length} acceptors answer`
  const needed = Math.max(q1, q2)
  const okToStop = left.length >= needed
  return { ...common, okToStop, reason: `${without}; ${q1} can elect and ${q2} can choose` }
}

function acceptorsOf({ members }: StatusJson): StatusJson['members'] {
  return members.filter(({ kind }) => kind === 'acceptor')
}

function answeringOf(status: StatusJson): StatusJson['members'] {
  return acceptorsOf(status).filter(({ reachable }) => reachable)
}
