import type { StatusJson } from '../wire/api-types.ts'

export interface StopMargin {
  readonly member: string
  readonly okToStop: boolean
  /** The arithmetic, in words. */
  readonly reason: string
  /** Acceptors that answer the leader now, the member among them or not. */
  readonly reachable: number
  readonly acceptors: number
  readonly q1: number
  readonly q2: number
}

/** Whether the others can elect and choose without this member, as the leader's status has it. */
export function stopMargin({ members, groups }: StatusJson, name: string): StopMargin {
  const { q1 = 0, q2 = 0 } = groups[0] ?? {}
  const acceptors = members.filter(({ kind }) => kind === 'acceptor')
  const answering = acceptors.filter(({ reachable }) => reachable)
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
