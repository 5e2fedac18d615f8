import { type QuorumSizes, quorumProblem } from '../../protocol/quorum.ts'
import type { EpochChangeJson, MarginsJson } from '../../wire/api-types.ts'

type Sizes = Pick<QuorumSizes, 'q1' | 'q2'>

/**
 * Sizes that make a change of members possible that is refused for its sizes: they hold before it and after it, for the
 * acceptors that answer now, and differ least from those now. Undefined when the sizes are not to blame, or there are none.
 */
export function bridgingSizes({ before, after }: Pick<EpochChangeJson, 'before' | 'after'>): Sizes | undefined {
  if (fits(after, after)) return undefined
  const most = Math.min(before.acceptors, after.acceptors)
  const distance = ({ q1, q2 }: Sizes): number => Math.abs(q1 - before.q1) + Math.abs(q2 - before.q2)
  let nearest: Sizes | undefined
  // From large q1 down: of two that are as near, the one with the smaller q2 goes on writing with more failures.
  for (let q1 = most; q1 >= 1; q1--) {
    for (let q2 = 1; q2 <= most; q2++) {
      if (!fits({ q1, q2 }, before) || !fits({ q1, q2 }, after)) continue
      if (nearest === undefined || distance({ q1, q2 }) < distance(nearest)) nearest = { q1, q2 }
    }
  }
  return nearest
}

function fits({ q1, q2 }: Sizes, { acceptors, reachable }: MarginsJson): boolean {
  return quorumProblem({ n: acceptors, q1, q2 }) === undefined && Math.max(q1, q2) <= reachable
}
