import { type History, isRead, type Operation } from '../../src/sim/linearizability/history.ts'
import { agree, branches, execute, type Precision } from '../../src/sim/linearizability/model.ts'
import { SmallStore } from '../../src/sim/linearizability/store.ts'

/**
 * Tries every order of at most eight operations: the judge that the checkers are held against. Writes of unknown outcome
 * may be left out. Knows no stale reads and no reads of the past.
 */
export function isLinearizable({ start, operations }: History, precision: Precision): boolean {
  const relevant = operations.filter(({ input, output }) => output !== undefined || !isRead(input))
  if (relevant.length > 8) throw new Error(`${relevant.length} operations are too many`)
  const store = new SmallStore(start.items.map((item) => [item.key, item]))
  return search(relevant, store, start.revision, precision)
}

function search(left: readonly Operation[], store: SmallStore, revision: number, precision: Precision): boolean {
  if (left.every(({ output }) => output === undefined)) return true
  return left.some((operation) => {
    // It cannot come next when another that is left had returned before it began.
    const isLater = left.some(({ returnedAt }) => returnedAt !== undefined && returnedAt < operation.invokedAt)
    if (isLater) return false
    const rest = left.filter((each) => each !== operation)
    const { input, output } = operation
    const ways = input.kind === 'txn' && precision === 'blind' ? branches(store, input.compare) : [undefined]
    return ways.some((way) => {
      const after = new SmallStore(store.items)
      const next = precision === 'blind' ? 0 : revision + 1
      const expected = execute(after, input, precision === 'blind' ? 0 : revision, next, way)
      if (output !== undefined && !agree(expected, output, precision)) return false
      const reached = expected.kind === 'mismatch' ? revision : expected.revision
      return search(rest, after, reached, precision)
    })
  })
}
