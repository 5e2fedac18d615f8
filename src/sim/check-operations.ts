import { checkHistory } from './linearizability/check.ts'
import { toHistory } from './linearizability/from-machine.ts'
import type { HistoryCheck } from './simulator.ts'

/** Operations in a history that the search takes as well. */
const searchedMax = 100

/** The clients' history must be linearizable, stale reads excepted, which may only be behind. */
export const checkOperations: HistoryCheck = (operations, start) => {
  // The replay follows the revisions that replies claim; the search, which trusts none, judges what is small enough.
  const history = toHistory(operations, start)
  const verdict = checkHistory(history, { by: history.operations.length <= searchedMax ? 'both' : 'replay' })
  return verdict.ok ? undefined : `${verdict.violation}: ${verdict.message}`
}
