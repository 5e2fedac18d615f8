/**
 * What one operation does to the store, run alone: the specification that histories are held against. It is written from
 * the description of the API and shares no code with the machine, so that a mistake in one shows in the other.
 */
import { unreachable } from '../../base/assert.ts'
import type { Comparison, Input, Item, Output, Step, StepResult } from './history.ts'
import type { Store } from './store.ts'

/** Of the items in one answer, all results of a transaction together. An item costs its key, its value and `itemCost`. */
const answerBytesMax = 4 * 1024 * 1024
const itemCost = 32

/** How much of two outputs must agree. `data`: all but the store's revision. `blind`: no revision at all. */
export type Precision = 'full' | 'data' | 'blind'

/**
 * Runs `input` on `store`, whose revision is `revision`; changes carry `next`. `branch` decides a transaction whose
 * comparisons were already looked at.
 */
export function execute(store: Store, input: Input, revision: number, next: number, branch?: boolean): Output {
  switch (input.kind) {
    case 'put': {
      const version = store.get(input.key)?.version ?? 0
      if (input.ifVersion !== undefined && input.ifVersion !== version) return { kind: 'mismatch' }
      return { kind: 'put', revision: next, version: put(store, input.key, input.value, next) }
    }
    case 'delete': {
      const version = store.get(input.key)?.version ?? 0
      if (input.ifVersion !== undefined && input.ifVersion !== version) return { kind: 'mismatch' }
      if (version === 0) return { kind: 'delete', revision, deleted: 0 }
      store.delete(input.key)
      return { kind: 'delete', revision: next, deleted: 1 }
    }
    case 'deleteRange': {
      const deleted = deleteWithin(store, input.range)
      return { kind: 'delete', revision: deleted > 0 ? next : revision, deleted }
    }
    case 'txn': {
      const succeeded = branch ?? input.compare.every((each) => holds(each, store.get(each.key)))
      const budget = new Budget()
      const steps = succeeded ? input.then : input.else
      const results = steps.map((step) => executeStep(store, step, next, budget))
      const isChange = results.some((each) => each.kind === 'put' || (each.kind === 'delete' && each.deleted > 0))
      return { kind: 'txn', revision: isChange ? next : revision, succeeded, results }
    }
    case 'get':
      return { kind: 'item', revision, item: store.get(input.key) }
    case 'range': {
      const taken = new Budget().take(store.within(input.range), input.limit, input.keysOnly)
      return { kind: 'items', revision, ...taken }
    }
    default:
      return unreachable(input)
  }
}

/** How a transaction's comparisons may end when revisions are not known: one branch, or either. */
export function branches(store: Store, compare: readonly Comparison[]): readonly boolean[] {
  let isOpen = false
  for (const each of compare) {
    const isRevision = each.target === 'createRevision' || each.target === 'modRevision'
    if (isRevision) isOpen = true
    else if (!holds(each, store.get(each.key))) return [false]
  }
  return isOpen ? [true, false] : [true]
}

export function agree(a: Output, b: Output, precision: Precision): boolean {
  if (a.kind === 'mismatch' || b.kind === 'mismatch') return a.kind === b.kind
  if (precision === 'full' && a.revision !== b.revision) return false
  switch (a.kind) {
    case 'put':
      return b.kind === 'put' && a.version === b.version
    case 'delete':
      return b.kind === 'delete' && a.deleted === b.deleted
    case 'txn':
      return b.kind === 'txn' && a.succeeded === b.succeeded && sameResults(a.results, b.results, precision)
    case 'item':
      return b.kind === 'item' && sameItem(a.item, b.item, precision)
    case 'items':
      return b.kind === 'items' && a.more === b.more && sameItems(a.items, b.items, precision)
    default:
      return unreachable(a)
  }
}

function put(store: Store, key: string, value: string, revision: number): number {
  const before = store.get(key)
  const version = (before?.version ?? 0) + 1
  store.set({ key, value, createRevision: before?.createRevision ?? revision, modRevision: revision, version })
  return version
}

function deleteWithin(store: Store, range: { start: string; end: string | undefined }): number {
  const found = store.within(range)
  for (const item of found) store.delete(item.key)
  return found.length
}

function executeStep(store: Store, step: Step, revision: number, budget: Budget): StepResult {
  switch (step.kind) {
    case 'put':
      return { kind: 'put', version: put(store, step.key, step.value, revision) }
    case 'get':
      return { kind: 'get', ...budget.take(store.within(step.range), step.limit, false) }
    case 'delete':
      return { kind: 'delete', deleted: deleteWithin(store, step.range) }
    default:
      return unreachable(step)
  }
}

function holds({ target, op, operand }: Comparison, item: Item | undefined): boolean {
  const actual = target === 'value' ? (item?.value ?? '') : (item?.[target] ?? 0)
  switch (op) {
    case '=':
      return actual === operand
    case '!=':
      return actual !== operand
    case '<':
      return actual < operand
    case '>':
      return actual > operand
    default:
      return unreachable(op)
  }
}

function sameItem(a: Item | undefined, b: Item | undefined, precision: Precision): boolean {
  if (a === undefined || b === undefined) return a === b
  if (a.key !== b.key || a.value !== b.value || a.version !== b.version) return false
  return precision === 'blind' || (a.createRevision === b.createRevision && a.modRevision === b.modRevision)
}

function sameItems(a: readonly Item[], b: readonly Item[], precision: Precision): boolean {
  return a.length === b.length && a.every((item, i) => sameItem(item, b[i], precision))
}

function sameResults(a: readonly StepResult[], b: readonly StepResult[], precision: Precision): boolean {
  return a.length === b.length && a.every((result, i) => sameResult(result, b[i], precision))
}

function sameResult(a: StepResult, b: StepResult | undefined, precision: Precision): boolean {
  if (b === undefined) return false
  switch (a.kind) {
    case 'put':
      return b.kind === 'put' && a.version === b.version
    case 'get':
      return b.kind === 'get' && a.more === b.more && sameItems(a.items, b.items, precision)
    case 'delete':
      return b.kind === 'delete' && a.deleted === b.deleted
    default:
      return unreachable(a)
  }
}

/** Cuts answers off at `answerBytesMax`. The very first item is shown whatever its size. */
class Budget {
  #bytes = 0

  take(found: readonly Item[], limit: number, keysOnly: boolean): { items: readonly Item[]; more: boolean } {
    const items: Item[] = []
    for (const item of found) {
      if (limit !== 0 && items.length === limit) return { items, more: true }
      const cost = itemCost + item.key.length + (keysOnly ? 0 : item.value.length)
      if (this.#bytes !== 0 && this.#bytes + cost > answerBytesMax) return { items, more: true }
      this.#bytes += cost
      items.push(keysOnly ? { ...item, value: '' } : item)
    }
    return { items, more: false }
  }
}
