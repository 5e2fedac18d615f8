import { historyOf } from './history-of.ts'
import { checkHistory } from './linearizability/check.ts'
import type { HistoryCheck } from './simulator.ts'

/** The clients' history must be linearizable, stale reads excepted, which may only be behind. */
export const checkOperations: HistoryCheck = (operations) => {
  const verdict = checkHistory(historyOf(operations))
  return verdict.ok ? undefined : `${verdict.violation}: ${verdict.message}`
}
