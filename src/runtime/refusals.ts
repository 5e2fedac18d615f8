/** Why a replica does not take a request. Each says that it was certainly not done. */
import type { EpochNumber } from '../protocol/ids.ts'

export const stopping = { kind: 'failed', code: 'STOPPING', message: 'The node is stopping.' } as const
export const overloaded = {
  kind: 'failed',
  code: 'OVERLOADED',
  message: 'Too many requests are waiting on this node.',
} as const
export const notLeading = {
  kind: 'failed',
  code: 'NO_LEADER',
  message: 'The node that was asked does not lead.',
} as const
/** To the node that forwarded it. */
export const leaderOverloaded = {
  kind: 'failed',
  code: 'OVERLOADED',
  message: 'Too many requests are waiting on the leader.',
} as const

/** Another member has to be asked, as when this node stops. */
export function noMember(since: EpochNumber): Refusal {
  const message = `This node is no member any more since epoch ${since}: ask another one.`
  return { kind: 'failed', code: 'STOPPING', message }
}

export interface Refusal {
  readonly kind: 'failed'
  readonly code: 'STOPPING'
  readonly message: string
}
