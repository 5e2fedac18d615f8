/**
 * Judges a change of epoch before it is proposed: what would be different, what it could survive, and why it must not be.
 * Pure, so that a dry run says what the real one does.
 */
import type { Epoch, Member, NextEpoch } from './epoch.ts'
import { type NodeId, toEpochNumber, toNodeId } from './ids.ts'
import { majority, quorumMargins, quorumProblem } from './quorum.ts'

export interface WantedMember {
  readonly name: string
  /** Undefined for a member that stays where it is. */
  readonly peerAddress: string | undefined
  readonly kind: Member['kind']
}

export interface WantedEpoch {
  /** The number of the epoch that the change is to follow: compare-and-set. */
  readonly after: number
  readonly members: readonly WantedMember[]
  /** Undefined: majorities if they are majorities now, otherwise as they are. */
  readonly q1: number | undefined
  readonly q2: number | undefined
  /** Undefined: as it is. */
  readonly featureLevel?: number | undefined
}

/** What is known of a member now. */
export interface MemberState {
  readonly reachable: boolean
  /** Chosen slots that it lacks; undefined when unknown. */
  readonly lagSlots: number | undefined
  /** The highest level that it understands; undefined when it was not heard from. */
  readonly featureMax: number | undefined
}

/** What a configuration survives. */
export interface Margins {
  readonly acceptors: number
  readonly q1: number
  readonly q2: number
  /** Acceptors that may fail while a leader can still be elected: n - q1. */
  readonly toElect: number
  /** Acceptors that may fail while writes go on: n - q2. */
  readonly toCommit: number
  /** Acceptors that answer now. */
  readonly reachable: number
}

export interface EpochPlan {
  readonly next: NextEpoch
  readonly before: Margins
  readonly after: Margins
  /** Why the change is refused; empty when it is not. */
  readonly problems: readonly string[]
  /** What is no reason to refuse it. */
  readonly warnings: readonly string[]
}

export interface PlanInput {
  readonly current: Epoch
  readonly wanted: WantedEpoch
  readonly leader: NodeId
  /** A learner that lags by more is not made an acceptor. */
  readonly lagSlotsMax: number
  stateOf(member: NodeId): MemberState
}

export function planEpoch(input: PlanInput): EpochPlan {
  const { current, wanted, leader } = input
  const problems: string[] = []
  const warnings: string[] = []
  const next = nextEpoch(current, wanted)
  const before = marginsOf(current, input)
  const after = marginsOf(next, input)
  if (wanted.after !== current.number) {
    problems.push(
      `The change is to follow epoch ${wanted.after}, but the newest is ${current.number}: look again first.`,
    )
  }
  problems.push(...nameProblems(wanted.members), ...newcomerProblems(input), ...featureProblems(input))
  const sizes = { n: after.acceptors, q1: next.q1, q2: next.q2 }
  const problem = after.acceptors === 0 ? 'No acceptor would be left' : quorumProblem(sizes)
  if (problem !== undefined) problems.push(`${problem}.`)
  else problems.push(...reachProblems(after))
  if (isSame(current, next)) problems.push(`Nothing would change: epoch ${current.number} is as wanted already.`)
  const leads = next.members.find(({ id }) => id === leader)
  if (leads === undefined) warnings.push('The leader itself leaves: another node will lead.')
  else if (leads.kind === 'learner') warnings.push('The leader itself becomes a learner: another node will lead.')
  if (after.toElect < before.toElect || after.toCommit < before.toCommit) {
    warnings.push(
      `It will survive fewer failures: ${after.toElect} for electing (now ${before.toElect}), ${after.toCommit} for committing (now ${before.toCommit}).`,
    )
  }
  return { next, before, after, problems, warnings }
}

function nextEpoch(current: Epoch, { members: wanted, q1, q2, featureLevel }: WantedEpoch): NextEpoch {
  let highestId = current.highestId
  const members = wanted.map(({ name, peerAddress, kind }): Member => {
    const known = current.members.find((member) => member.name === name)
    if (known !== undefined) return { ...known, peerAddress: peerAddress ?? known.peerAddress, kind }
    highestId = toNodeId(highestId + 1)
    return { id: highestId, name, peerAddress: peerAddress ?? '', kind }
  })
  const n = acceptorsOf({ members }).length
  const now = majority(acceptorsOf(current).length)
  const wereMajorities = current.q1 === now && current.q2 === now
  const { protocol, leaseMs } = current
  return {
    number: toEpochNumber(current.number + 1),
    protocol,
    members,
    q1: q1 ?? (wereMajorities ? majority(n) : current.q1),
    q2: q2 ?? (wereMajorities ? majority(n) : current.q2),
    leaseMs,
    featureLevel: featureLevel ?? current.featureLevel,
    highestId,
  }
}

function nameProblems(members: readonly WantedMember[]): string[] {
  const names = members.map(({ name }) => name)
  return [...new Set(names.filter((name, at) => names.indexOf(name) !== at))].map((name) => `${name} is named twice.`)
}

/** New members are learners first: an empty acceptor would count where it cannot help. */
function newcomerProblems({ current, wanted, lagSlotsMax, stateOf }: PlanInput): string[] {
  return wanted.members.flatMap(({ name, peerAddress, kind }) => {
    const known = current.members.find((member) => member.name === name)
    if (known === undefined) {
      if (peerAddress === undefined) return [`${name} is not a member, and no address is given for it.`]
      return kind === 'learner' ? [] : [`${name} is new: it must be a learner until it has caught up.`]
    }
    if (kind === 'learner' || known.kind === 'acceptor') return []
    const { reachable, lagSlots } = stateOf(known.id)
    if (!reachable) return [`${name} does not answer, so it cannot become an acceptor.`]
    if (lagSlots !== undefined && lagSlots <= lagSlotsMax) return []
    return [
      `${name} lags by ${lagSlots ?? 'an unknown number of'} slots; to become an acceptor it may lag by ${lagSlotsMax}.`,
    ]
  })
}

/** A member that does not know the level would have to stop in the next epoch. */
function featureProblems({ current, wanted: { featureLevel: level, members }, stateOf }: PlanInput): string[] {
  if (level === undefined || level === current.featureLevel) return []
  if (level < current.featureLevel) return [`The feature level is ${current.featureLevel}, and never falls.`]
  return members.flatMap(({ name }) => {
    const member = current.members.find((known) => known.name === name)
    const max = member === undefined ? undefined : stateOf(member.id).featureMax
    if (max === undefined) return [`${name} does not answer, so nobody knows whether it understands level ${level}.`]
    return max >= level ? [] : [`${name} understands feature level ${max}, not ${level}: upgrade it first.`]
  })
}

function reachProblems({ acceptors, q1, q2, reachable }: Margins): string[] {
  const of = `${reachable} of its ${acceptors} acceptors answer now`
  return [
    ...(reachable < q1 ? [`The new epoch could elect nobody: q1 is ${q1}, and ${of}.`] : []),
    ...(reachable < q2 ? [`The new epoch could choose nothing: q2 is ${q2}, and ${of}.`] : []),
  ]
}

function marginsOf({ members, q1, q2 }: Pick<Epoch, 'members' | 'q1' | 'q2'>, { stateOf }: PlanInput): Margins {
  const acceptors = acceptorsOf({ members })
  const n = acceptors.length
  const reachable = acceptors.filter(({ id }) => stateOf(id).reachable).length
  // Of what is wanted, which may be no quorum sizes at all.
  const { electionFailures, choiceFailures } = quorumMargins({ n, q1, q2 })
  const toElect = Math.max(0, electionFailures)
  return { acceptors: n, q1, q2, toElect, toCommit: Math.max(0, choiceFailures), reachable }
}

function acceptorsOf({ members }: Pick<Epoch, 'members'>): readonly Member[] {
  return members.filter(({ kind }) => kind === 'acceptor')
}

function isSame(current: Epoch, next: NextEpoch): boolean {
  const describe = ({ members, q1, q2, featureLevel }: NextEpoch): string =>
    JSON.stringify([q1, q2, featureLevel, members.map(({ id, peerAddress, kind }) => [id, peerAddress, kind]).sort()])
  return describe(current) === describe(next)
}
