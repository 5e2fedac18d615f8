/** What must hold before a node is taken down, and after it has come back. */
import { PaxosError } from '../../base/error.ts'
import type { GroupStatusJson, StatusJson } from '../../wire/api-types.ts'
import { askMembers, type MemberAnswer, type StatusSource } from '../member-answers.ts'
import { count } from '../output.ts'
import { pause } from '../pause.ts'
import { stopMargin } from '../stop-margin.ts'

/** A member that lags by no more has caught up; some slots are always on their way. */
export const lagSlotsMax = 100
const lookEveryMs = 200

export interface ClusterLook {
  readonly answers: readonly MemberAnswer[]
  /** Of who leads and serves. */
  readonly leader: StatusJson | undefined
}

export async function look(admin: StatusSource, endpoints: readonly string[]): Promise<ClusterLook> {
  const { answers } = await askMembers(admin, endpoints)
  const round = (status: StatusJson): number => Number(groupOf(status)?.ballot.split('.')[0] ?? 0)
  const leading = answers.flatMap(({ status }) => (isLeading(status) ? [status] : []))
  return { answers, leader: leading.toSorted((a, b) => round(b) - round(a))[0] }
}

/** Why no node may be taken down now: somebody is not well. */
export function unrest({ answers, leader }: ClusterLook): readonly string[] {
  const highest = Math.max(0, ...answers.map(({ status }) => groupOf(status)?.chosen ?? 0))
  const problems = answers.flatMap(({ name, status }) => {
    const group = groupOf(status)
    if (group === undefined) return [`${name} does not answer`]
    if (group.notReady !== null) return [`${name} is not ready: ${group.notReady}`]
    const lag = highest - group.applied
    return lag > lagSlotsMax ? [`${name} lags by ${count(lag, 'slot')}`] : []
  })
  if (leader === undefined) return [...problems, 'nobody leads']
  const unheard = leader.members.filter(({ reachable }) => !reachable).map(({ name }) => name)
  const silent = unheard.map((name) => `${name} does not answer the leader`)
  return problems.length > 0 ? problems : silent
}

/** Why this node may not be taken down now. */
export function reasonsToWait(seen: ClusterLook, name: string): readonly string[] {
  const problems = unrest(seen)
  if (problems.length > 0 || seen.leader === undefined) return problems
  const { okToStop, reason } = stopMargin(seen.leader, name)
  return okToStop ? [] : [reason]
}

/** Why none of these nodes may be taken down now, or never one of them. */
export function reasonsNotToBegin(seen: ClusterLook, names: readonly string[]): readonly string[] {
  return [...new Set(names.flatMap((name) => reasonsToWait(seen, name)))]
}

/** Throws PaxosError PRECONDITION_FAILED when it would be waited in vain: all are well, and still the others do not suffice. */
export function requireMargin(seen: ClusterLook, names: readonly string[]): void {
  if (unrest(seen).length > 0) return
  const [reason] = reasonsNotToBegin(seen, names)
  if (reason === undefined) return
  throw new PaxosError('PRECONDITION_FAILED', `The others do not suffice: ${reason}`, {
    hint: 'Nothing was changed. Add an acceptor first (`paxos member add`), or restart the node yourself: writes wait meanwhile.',
  })
}

/** The leader's, or else that of anybody who answers. */
export function anyStatus({ leader, answers }: ClusterLook): StatusJson | undefined {
  return leader ?? answers.find(({ status }) => status !== undefined)?.status
}

/** Why this node is not back yet. */
export function reasonsNotBack(seen: ClusterLook, name: string, incarnationBefore: number): readonly string[] {
  const status = seen.answers.find((answer) => answer.name === name)?.status
  if (status === undefined) return [`${name} does not answer`]
  if (status.node.incarnation <= incarnationBefore) return [`${name} was not restarted yet`]
  return unrest(seen)
}

export interface WaitOptions {
  readonly timeoutMs: number
  readonly signal: AbortSignal
  readonly say: (text: string) => void
}

/**
 * Looks until nothing is wrong, and gives what it saw then. Throws PaxosError TIMEOUT, saying what was wrong last, and STOPPING
 * when the signal comes.
 */
export async function waitFor(
  see: () => Promise<ClusterLook>,
  reasons: (seen: ClusterLook) => readonly string[],
  { timeoutMs, signal, say }: WaitOptions,
): Promise<ClusterLook> {
  const deadline = performance.now() + timeoutMs
  let last = ''
  for (;;) {
    if (signal.aborted) throw stopped()
    const found = await see().then(
      (seen) => ({ seen, wrong: reasons(seen) }),
      (error: unknown) => {
        if (error instanceof PaxosError) return { seen: undefined, wrong: [error.message] }
        throw error
      },
    )
    if (found.seen !== undefined && found.wrong.length === 0) return found.seen
    const text = found.wrong.join('; ')
    if (text !== last) say(text)
    last = text
    if (performance.now() >= deadline) throw new PaxosError('TIMEOUT', `Waited in vain: ${text}`)
    await pause(lookEveryMs, signal)
  }
}

export function stopped(): PaxosError {
  return new PaxosError('STOPPING', 'Stopped by a signal')
}

function groupOf(status: StatusJson | undefined): GroupStatusJson | undefined {
  return status?.groups[0]
}

function isLeading(status: StatusJson | undefined): status is StatusJson {
  const group = groupOf(status)
  return group?.role === 'leader' && group.steady
}
