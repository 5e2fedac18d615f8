import { PaxosError } from '../../base/error.ts'
import type { Random } from '../../base/random.ts'
import type { KeySpace } from './key-space.ts'

export const workloads = ['put', 'get', 'mixed', 'txn'] as const
export type Workload = (typeof workloads)[number]

export type Operation =
  | { readonly kind: 'put'; readonly key: string }
  | { readonly kind: 'get'; readonly key: string }
  /** Writes both keys if the first exists, and reads it otherwise. */
  | { readonly kind: 'txn'; readonly key: string; readonly other: string }

export type OperationKind = Operation['kind']

/**
 * What to do next. `readShare` of a mixed workload are gets, the rest puts. Throws PaxosError USAGE when there are too
 * few keys.
 */
export function operations(workload: Workload, space: KeySpace, readShare: number, random: Random): () => Operation {
  switch (workload) {
    case 'put':
    case 'get':
      return () => ({ kind: workload, key: space.next() })
    case 'mixed':
      return () => ({ kind: random.chance(readShare) ? 'get' : 'put', key: space.next() })
    case 'txn':
      if (space.size < 2) throw new PaxosError('USAGE', 'A txn writes two keys: give --keys 2 or more')
      return () => {
        const key = space.next()
        let other = space.next()
        while (other === key) other = space.next()
        return { kind: 'txn', key, other }
      }
  }
}
