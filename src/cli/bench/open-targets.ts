import { AdminClient } from '../../client/admin.ts'
import type { BenchmarkOptions } from './benchmark.ts'
import type { Target, TargetOptions } from './target.ts'

/** A target for each client. */
export async function openTargets(options: BenchmarkOptions, value: Uint8Array): Promise<readonly Target[]> {
  const { via, clients, inFlight, timeoutMs, consistency, spread } = options
  const Client =
    via === 'http' ? (await import('./http-target.ts')).HttpTarget : (await import('./stream-target.ts')).StreamTarget
  // The library finds the leader by itself; plain HTTP has to be told.
  const endpoints = via === 'http' && !spread ? [await leaderEndpoint(options)] : options.endpoints
  return Array.from({ length: clients }, (_, at) => {
    const own = endpoints[at % endpoints.length] ?? ''
    const target: TargetOptions = {
      endpoints: spread ? [own] : endpoints,
      followLeader: !spread,
      inFlight,
      timeoutMs,
      value,
      isStale: consistency === 'stale',
    }
    return new Client(target)
  })
}

/** Of the leader; of a node that answers when the leader has not told where its clients go. Rejects with PaxosError. */
async function leaderEndpoint({ endpoints, timeoutMs }: BenchmarkOptions): Promise<string> {
  const admin = new AdminClient({ timeoutMs })
  try {
    const asked = endpoints.map(async (endpoint) => ({ endpoint, status: await admin.status(endpoint) }))
    const { endpoint, status } = await Promise.any(asked).catch((error: AggregateError) => {
      throw error.errors[0]
    })
    const leader = status.members.find((member) => member.name === status.groups[0]?.leader)
    if (leader === undefined || leader.clientAddress === null || leader.name === status.node.name) return endpoint
    return `http://${leader.clientAddress}`
  } finally {
    admin.close()
  }
}
