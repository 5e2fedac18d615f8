import { assert } from '../../base/assert.ts'
import { PaxosError } from '../../base/error.ts'
import { type History, isRead } from './history.ts'
import { replay } from './replay.ts'
import { showOperation } from './show.ts'
import type { Violation } from './verdict.ts'
import { searchOrder } from './wgl.ts'

export interface CheckOptions {
  /** `replay` follows the revisions that outputs claim, `search` trusts none, `both` is the default. */
  readonly by?: 'replay' | 'search' | 'both' | undefined
  /** Operations that the replay may run beyond one for each, looking for the writes behind unclaimed revisions. */
  readonly replayBudget?: number | undefined
  /** Model steps of the search. */
  readonly searchBudget?: number | undefined
}

export type Verdict =
  | {
      readonly ok: true
      /** A legal order, as indices into the operations, where the replay found it. */
      readonly order: readonly number[] | undefined
      /** The search confirmed it. False when it was not asked for, or gave up on what the replay had already shown. */
      readonly isSearched: boolean
    }
  | ({ readonly ok: false } & Violation)

/**
 * Whether the history is linearizable: every operation took effect at one moment between its call and its return.
 * Times and revisions are as in `history.ts`. A verdict `undecided` is a failure, since nothing was shown.
 *
 * The replay checks the more: the exact revisions, stale reads and reads of the past too. What it accepts the search must
 * accept as well, so that each guards the other.
 *
 * Throws PaxosError BAD_REQUEST when an operation returned before it began, or an answered one has no output.
 */
export function checkHistory(history: History, options: CheckOptions = {}): Verdict {
  const { by = 'both' } = options
  refuseNonsense(history)
  const replayed = by === 'search' ? undefined : replay(history, options.replayBudget)
  const isUndecided = replayed !== undefined && 'violation' in replayed && replayed.violation === 'undecided'
  if (replayed !== undefined && 'violation' in replayed && !isUndecided) return { ok: false, ...replayed }
  const searched = by === 'replay' ? undefined : searchOrder(history, { budget: options.searchBudget })
  const wrong = searched !== undefined && 'violation' in searched ? searched : undefined
  if (replayed === undefined || 'violation' in replayed) {
    const violation = wrong ?? (replayed !== undefined && 'violation' in replayed ? replayed : undefined)
    return violation === undefined ? { ok: true, order: undefined, isSearched: true } : { ok: false, ...violation }
  }
  assert(wrong?.violation !== 'notLinearizable', 'the checkers disagree: %s', wrong?.message)
  return { ok: true, order: replayed.order, isSearched: searched !== undefined && wrong === undefined }
}

function refuseNonsense({ operations }: History): void {
  for (const operation of operations) {
    const { invokedAt, returnedAt, input, output } = operation
    const isBackwards = returnedAt !== undefined && !(returnedAt >= invokedAt)
    if (isBackwards || !Number.isFinite(invokedAt)) {
      throw new PaxosError('BAD_REQUEST', `Returned before it began: ${showOperation(operation)}`)
    }
    if (returnedAt !== undefined && output === undefined) {
      throw new PaxosError('BAD_REQUEST', `Returned without an output: ${showOperation(operation)}`)
    }
    if (output?.kind === 'mismatch' && (isRead(input) || !('ifVersion' in input) || input.ifVersion === undefined)) {
      throw new PaxosError('BAD_REQUEST', `Refused without a condition: ${showOperation(operation)}`)
    }
  }
}
