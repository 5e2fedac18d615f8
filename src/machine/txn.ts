/** Transactions: compare the state before, then apply one branch in order, each operation seeing the ones before it. */
import { unreachable } from '../base/assert.ts'
import { AnswerBudget } from './answer.ts'
import type { Kv } from './kv.ts'
import type { Command, Compare, Item, Operation, OperationResult } from './request.ts'

export interface TxnOutcome {
  readonly succeeded: boolean
  readonly results: readonly OperationResult[]
  /** Whether the revision that it was given is used up. */
  readonly changed: boolean
}

/** Changes carry `revision`. Gives a message, and changes nothing, when the transaction deletes too much. */
export function applyTxn(kv: Kv, txn: Command & { kind: 'txn' }, revision: number): TxnOutcome | string {
  const succeeded = txn.compare.every((compare) => holds(compare, kv.get(compare.key)))
  const operations = succeeded ? txn.then : txn.else
  // Asked before the first operation: there is no way back after it.
  const problem = kv.deletionProblem(operations.flatMap((each) => (each.kind === 'delete' ? [each.range] : [])))
  if (problem !== undefined) return problem
  const budget = new AnswerBudget()
  const results = operations.map((operation) => applyOperation(kv, operation, revision, budget))
  return { succeeded, results, changed: results.some(isChange) }
}

function applyOperation(kv: Kv, operation: Operation, revision: number, budget: AnswerBudget): OperationResult {
  switch (operation.kind) {
    case 'put':
      return { kind: 'put', version: kv.put(operation.key, operation.value, revision) }
    case 'get':
      return { kind: 'get', ...budget.collect(kv.range(operation.range), operation.limit, false) }
    case 'delete':
      return { kind: 'delete', deleted: kv.deleteRange(operation.range, revision) }
    default:
      return unreachable(operation)
  }
}

function isChange(result: OperationResult): boolean {
  return result.kind === 'put' || (result.kind === 'delete' && result.deleted > 0)
}

function holds({ target, op, operand }: Compare, item: Item | undefined): boolean {
  // The codec gives a value bytes and the counters a number.
  const order =
    typeof operand === 'number'
      ? (target === 'value' ? 0 : (item?.[target] ?? 0)) - operand
      : compareBytes(item?.value ?? noValue, operand)
  switch (op) {
    case '=':
      return order === 0
    case '!=':
      return order !== 0
    case '<':
      return order < 0
    case '>':
      return order > 0
    default:
      return unreachable(op)
  }
}

const noValue = new Uint8Array(0)

/** Byte order; a prefix comes before what it begins. */
function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const order = (a[i] ?? 0) - (b[i] ?? 0)
    if (order !== 0) return order
  }
  return a.length - b.length
}
