import { PaxosError } from '../base/error.ts'
import type { AdminClient } from '../client/admin.ts'
import type { StatusJson } from '../wire/api-types.ts'

export interface FoundLeader {
  readonly endpoint: string
  readonly status: StatusJson
}

/** The node that leads, by asking those given and whom they name. Throws PaxosError NO_LEADER, CANNOT_CONNECT. */
export async function findLeader(admin: AdminClient, endpoints: readonly string[]): Promise<FoundLeader> {
  const queue = [...endpoints]
  const asked = new Set<string>()
  let failure: PaxosError | undefined
  let answers = 0
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
    answers++
    const [group] = status.groups
    if (group?.role === 'leader' && group.steady) return { endpoint, status }
    const leader = status.members.find(({ name }) => name === group?.leader)
    if (leader !== undefined && leader.clientAddress !== null) queue.unshift(`http://${leader.clientAddress}`)
  }
  if (answers === 0 && failure !== undefined) throw failure
  throw new PaxosError('NO_LEADER', 'Nobody leads, as far as the nodes that answer know', {
    hint: '`paxos cluster status` shows who is there. Nothing was changed.',
  })
}
