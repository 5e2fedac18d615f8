/** Moving leadership from one member to another, and waiting until it has moved. */

import { PaxosError } from '../base/error.ts'
import type { AdminClient } from '../client/admin.ts'
import type { StatusJson } from '../wire/api-types.ts'
import { type FoundLeader, findLeader } from './leader.ts'
import { pause } from './pause.ts'

const lookEveryMs = 50

/** The acceptor that answers and lags least. Throws PaxosError PRECONDITION_FAILED when there is none. */
export function successor({ members, node }: StatusJson): string {
  const able = members.filter(({ name, kind, reachable }) => name !== node.name && kind === 'acceptor' && reachable)
  const [best] = able.sort((a, b) => (a.lagSlots ?? Number.MAX_VALUE) - (b.lagSlots ?? Number.MAX_VALUE))
  if (best !== undefined) return best.name
  throw new PaxosError('PRECONDITION_FAILED', 'No other acceptor answers, so nobody could lead instead')
}

/** Resolves to whoever leads when it is no longer the old leader, or when the time is over or the signal comes; undefined: nobody then. */
export async function handOver(
  admin: AdminClient,
  { endpoint, status }: FoundLeader,
  to: string,
  options: { readonly endpoints: readonly string[]; readonly timeoutMs: number; readonly signal?: AbortSignal },
): Promise<string | undefined> {
  await admin.handOver(endpoint, to)
  const named = status.members.flatMap(({ clientAddress }) =>
    clientAddress === null ? [] : [`http://${clientAddress}`],
  )
  const deadline = performance.now() + options.timeoutMs
  for (;;) {
    const leader = await findLeader(admin, [...named, ...options.endpoints]).then(
      (found) => found.status.node.name,
      () => undefined,
    )
    const isOver =
      (leader !== undefined && leader !== status.node.name) ||
      performance.now() >= deadline ||
      options.signal?.aborted === true
    if (isOver) return leader
    await pause(lookEveryMs)
  }
}
