/** Moving leadership from one member to another, and waiting until it has moved. */

import { PaxosError } from '../base/error.ts'
import type { AdminClient } from '../client/admin.ts'
import type { StatusJson } from '../wire/api-types.ts'
import { type FoundLeader, findLeader } from './leader.ts'
import { pause } from './pause.ts'

const lookEveryMs = 50
/** Each time nobody leads for a moment: not again and again for one that cannot win. */
const asksMax = 3

/** The acceptor that answers and lags least. Throws PaxosError PRECONDITION_FAILED when there is none. */
export function successor({ members, node }: StatusJson): string {
  const able = members.filter(({ name, kind, reachable }) => name !== node.name && kind === 'acceptor' && reachable)
  const [best] = able.sort((a, b) => (a.lagSlots ?? Number.MAX_VALUE) - (b.lagSlots ?? Number.MAX_VALUE))
  if (best !== undefined) return best.name
  throw new PaxosError('PRECONDITION_FAILED', 'No other acceptor answers, so nobody could lead instead')
}

/**
 * Resolves to whoever leads when it is no longer the old leader, or when the time is over or the signal comes; undefined: nobody then.
 * An election that the old leader wins again is asked for again.
 *
 * Throws PaxosError NO_LEADER, PRECONDITION_FAILED when the leader refuses.
 */
export async function handOver(
  admin: AdminClient,
  { endpoint, status }: FoundLeader,
  to: string,
  options: { readonly endpoints: readonly string[]; readonly timeoutMs: number; readonly signal?: AbortSignal },
): Promise<string | undefined> {
  await admin.handOver(endpoint, to)
  let asks = 1
  const named = status.members.flatMap(({ clientAddress }) =>
    clientAddress === null ? [] : [`http://${clientAddress}`],
  )
  const deadline = performance.now() + options.timeoutMs
  for (;;) {
    const found = await findLeader(admin, [...named, ...options.endpoints]).catch(() => undefined)
    const leader = found?.status.node.name
    const isOver =
      (leader !== undefined && leader !== status.node.name) ||
      performance.now() >= deadline ||
      options.signal?.aborted === true
    if (isOver) return leader
    // It had given up before it answered, so it has been elected again.
    if (found !== undefined && asks < asksMax) {
      asks++
      await admin.handOver(found.endpoint, to).catch((error: unknown) => {
        if (!(error instanceof PaxosError && error.code === 'NO_LEADER')) throw error
      })
    }
    await pause(lookEveryMs)
  }
}
