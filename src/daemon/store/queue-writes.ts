import type { Environment } from './environment.ts'
import type { TreeWrite } from './record-tree.ts'

/**
 * Queues changes for the transaction of this turn, and says how it ends. LMDB reads the values later, by pointer: they must
 * never be touched again.
 */
export function queueWrites(environment: Environment, writes: readonly TreeWrite[]): Promise<unknown> {
  let last: Promise<unknown> = Promise.resolve()
  for (const { key, value } of writes) {
    const queued = value === undefined ? environment.remove(key) : environment.put(key, value)
    if (queued === last) continue
    // A large turn has more than one promise for its one transaction; the last says how all of it ends.
    queued.catch(() => {})
    last = queued
  }
  return last
}
