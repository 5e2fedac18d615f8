import type { DiagnosisJson, GapsJson, GroupStatusJson, MemberStatusJson, StatusJson } from '../../wire/api-types.ts'

/** What was learned of one member. */
export interface MemberFacts {
  readonly name: string
  /** Where it was asked; undefined when nobody knows its client address. */
  readonly endpoint: string | undefined
  readonly status: StatusJson | undefined
  /** Undefined also for a member that is too old to have one. */
  readonly diagnosis: DiagnosisJson | undefined
  readonly clock: ClockFacts | undefined
  /** Why it did not answer. */
  readonly failure: string | undefined
}

/** The member's clock beside the operator's. */
export interface ClockFacts {
  readonly offsetMs: number
  /** Half of the time that the question took: the truth is within. */
  readonly uncertaintyMs: number
}

export interface ClusterFacts {
  readonly clusterId: string
  /** As the member at the newest epoch has them. */
  readonly roster: readonly MemberStatusJson[]
  readonly members: readonly MemberFacts[]
  /** What does not become chosen, seen twice; undefined when nobody could be asked. */
  readonly gaps: GapsJson | undefined
}

export function groupOf(member: MemberFacts | undefined): GroupStatusJson | undefined {
  return member?.status?.groups[0]
}

/** Members of this cluster that answered. */
export function answering({ members, clusterId, roster }: ClusterFacts): readonly MemberFacts[] {
  const names = new Set(roster.map((member) => member.name))
  return members.filter((member) => member.status?.clusterId === clusterId && names.has(member.name))
}

/** Who leads and serves, at the highest ballot. */
export function leaderOf(facts: ClusterFacts): MemberFacts | undefined {
  const round = (member: MemberFacts): number => Number(groupOf(member)?.ballot.split('.')[0] ?? 0)
  return answering(facts)
    .filter((member) => groupOf(member)?.role === 'leader' && groupOf(member)?.steady === true)
    .toSorted((a, b) => round(b) - round(a))[0]
}
