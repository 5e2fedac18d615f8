import { PaxosError } from '../../base/error.ts'
import type { AdminClient } from '../../client/admin.ts'
import type { ReclaimJson } from '../../wire/api-types.ts'
import { pause } from '../pause.ts'

const pollMs = 200

export type ReclaimSource = Pick<AdminClient, 'reclaim' | 'reclaimed'>

/**
 * Has one node put a packed copy in place of its state database, and waits for it. If the command ends before, the node goes
 * on, and the same command waits again. Rejects with PaxosError when the copy is given up.
 */
export async function reclaimNode(
  admin: ReclaimSource,
  endpoint: string,
  onProgress: (status: ReclaimJson) => void,
): Promise<ReclaimJson> {
  let status = await admin.reclaim(endpoint)
  while (status.state === 'running') {
    onProgress(status)
    await pause(pollMs)
    status = await admin.reclaimed(endpoint)
  }
  if (status.state === 'done') return status
  const { node, error } = status
  if (error === null) {
    throw new PaxosError(
      'STOPPING',
      `${node} was started again meanwhile: its state.mdb is the old one or the copy, whole`,
      {
        hint: '`paxos space` shows its size; run the same again.',
      },
    )
  }
  const code = error.code === 'NO_SPACE' || error.code === 'OVERLOADED' ? error.code : 'STORE_FAILED'
  throw new PaxosError(code, `${node}: the copy was given up: ${error.message}`, {
    hint: 'Its state.mdb is as it was. The log of the node says more.',
  })
}
