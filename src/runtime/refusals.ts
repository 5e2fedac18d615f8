/** Why a replica does not take a request. Each says that it was certainly not done. */

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
