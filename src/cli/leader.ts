import { PaxosError } from '../base/error.ts'
import type { StatusJson } from '../wire/api-types.ts'
import type { StatusSource } from './member-answers.ts'

export interface FoundLeader {
  readonly endpoint: string
  readonly status: StatusJson
}

export interface LeaderSearch {
  /** Undefined when nobody leads, as far as those know that answered. */
  readonly leader: FoundLeader | undefined
  readonly answers: readonly StatusJson[]
}

/** Asks those given and whom they name, until one leads. Throws PaxosError CANNOT_CONNECT when nobody answers. */
export async function searchLeader(admin: StatusSource, endpoints: readonly string[]): Promise<LeaderSearch> {
  const queue = [...endpoints]
  const asked = new Set<string>()
  let failure: PaxosError | undefined
  const answers: StatusJson[] = []
  for (let endpoint = queue.shift(); endpoint !== undefined; endpoint = queue.shift()) {
    if (asked.has(endpoint)) continue
    asked.add(endpoint)
    let status: StatusJson
    try {
      status = await admin.status(endpoint)
    } catch (error) {
      if (!(error instanceof PaxosError)) throw error
      failure ??= error
      continue
    }
    answers.push(status)
    const [group] = status.groups
    if (group?.role === 'leader' && group.steady) return { leader: { endpoint, status }, answers }
    const leader = status.members.find(({ name }) => name === group?.leader)
    if (leader !== undefined && leader.clientAddress !== null) queue.unshift(`http://${leader.clientAddress}`)
  }
  if (answers.length === 0 && failure !== undefined) throw failure
  return { leader: undefined, answers }
}

/** For what changes something at the leader. Throws PaxosError NO_LEADER, CANNOT_CONNECT. */
export async function findLeader(admin: StatusSource, endpoints: readonly string[]): Promise<FoundLeader> {
  const { leader } = await searchLeader(admin, endpoints)
  if (leader === undefined) throw nobodyLeads('Nothing was changed.')
  return leader
}

export function nobodyLeads(...more: readonly string[]): PaxosError {
  return new PaxosError('NO_LEADER', 'Nobody leads, as far as the nodes that answer know', {
    hint: ['`paxos cluster status` shows who is there.', ...more].join(' '),
  })
}
