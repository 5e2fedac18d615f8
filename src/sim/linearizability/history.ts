/**
 * What clients asked of the key-value store and what they were told, when. The checkers work on nothing else.
 *
 * Keys and values are binary strings (one unit 0..255 per byte), so that `<` is byte order and a Map can look them up.
 * Times are numbers of any one clock. An operation comes before another when it returned before the other was invoked;
 * at equal times they are concurrent.
 */
import type { Compare, KeyRange } from '../../machine/request.ts'

export interface Item {
  readonly key: string
  readonly value: string
  readonly createRevision: number
  readonly modRevision: number
  readonly version: number
}

export interface Comparison {
  readonly key: string
  readonly target: Compare['target']
  readonly op: Compare['op']
  /** A binary string for `value`, a number otherwise. */
  readonly operand: string | number
}

/** One step of a transaction. `limit` 0 means no limit. */
export type Step =
  | { readonly kind: 'put'; readonly key: string; readonly value: string }
  | { readonly kind: 'get'; readonly range: KeyRange; readonly limit: number }
  | { readonly kind: 'delete'; readonly range: KeyRange }

export type StepResult =
  | { readonly kind: 'put'; readonly version: number }
  | { readonly kind: 'get'; readonly items: readonly Item[]; readonly more: boolean }
  | { readonly kind: 'delete'; readonly deleted: number }

export type WriteInput =
  | { readonly kind: 'put'; readonly key: string; readonly value: string; readonly ifVersion: number | undefined }
  | { readonly kind: 'delete'; readonly key: string; readonly ifVersion: number | undefined }
  | { readonly kind: 'deleteRange'; readonly range: KeyRange }
  | {
      readonly kind: 'txn'
      readonly compare: readonly Comparison[]
      readonly then: readonly Step[]
      readonly else: readonly Step[]
    }

/** `at` is the revision to read at, undefined for the newest. A stale read may be behind, but never ahead. */
export type ReadInput =
  | { readonly kind: 'get'; readonly key: string; readonly at: number | undefined; readonly isStale: boolean }
  | {
      readonly kind: 'range'
      readonly range: KeyRange
      readonly limit: number
      readonly keysOnly: boolean
      readonly at: number | undefined
      readonly isStale: boolean
    }

export type Input = WriteInput | ReadInput

/** `revision` is the store's right after a write, and when a read was answered. A mismatch is a refused `ifVersion`. */
export type Output =
  | { readonly kind: 'put'; readonly revision: number; readonly version: number }
  | { readonly kind: 'delete'; readonly revision: number; readonly deleted: number }
  | {
      readonly kind: 'txn'
      readonly revision: number
      readonly succeeded: boolean
      readonly results: readonly StepResult[]
    }
  | { readonly kind: 'item'; readonly revision: number; readonly item: Item | undefined }
  | { readonly kind: 'items'; readonly revision: number; readonly items: readonly Item[]; readonly more: boolean }
  | { readonly kind: 'mismatch' }

/**
 * `returnedAt` undefined: the client never learned what became of it. Its `output` is then undefined, unless the log
 * shows that it was done and how. What was certainly not done is no part of a history.
 */
export interface Operation {
  readonly client: number
  readonly invokedAt: number
  readonly returnedAt: number | undefined
  readonly input: Input
  readonly output: Output | undefined
}

/** What the store held before the first operation. */
export interface Start {
  readonly revision: number
  readonly items: readonly Item[]
}

export interface History {
  readonly start: Start
  readonly operations: readonly Operation[]
}

export const emptyStart: Start = { revision: 0, items: [] }

export function isRead(input: Input): input is ReadInput {
  return input.kind === 'get' || input.kind === 'range'
}

/** Whether it took a revision of its own. */
export function isChange(output: Output): boolean {
  switch (output.kind) {
    case 'put':
      return true
    case 'delete':
      return output.deleted > 0
    case 'txn':
      return output.results.some((each) => each.kind === 'put' || (each.kind === 'delete' && each.deleted > 0))
    default:
      return false
  }
}

/** The items that it shows. */
export function itemsOf(output: Output): readonly Item[] {
  switch (output.kind) {
    case 'item':
      return output.item === undefined ? [] : [output.item]
    case 'items':
      return output.items
    case 'txn':
      return output.results.flatMap((each) => (each.kind === 'get' ? each.items : []))
    default:
      return []
  }
}

/** The puts that it may do. */
export function putsOf(input: Input): readonly { readonly key: string; readonly value: string }[] {
  if (input.kind === 'put') return [input]
  if (input.kind !== 'txn') return []
  return [...input.then, ...input.else].flatMap((step) => (step.kind === 'put' ? [step] : []))
}

/** Every key that it names by itself. */
export function keysOf(input: Input): readonly string[] {
  switch (input.kind) {
    case 'put':
    case 'delete':
    case 'get':
      return [input.key]
    case 'txn':
      return [...input.compare, ...putsOf(input)].map((each) => each.key)
    default:
      return []
  }
}

/** Every range that it reads or deletes. */
export function rangesOf(input: Input): readonly KeyRange[] {
  if (input.kind === 'range' || input.kind === 'deleteRange') return [input.range]
  if (input.kind !== 'txn') return []
  return [...input.then, ...input.else].flatMap((step) => (step.kind === 'put' ? [] : [step.range]))
}

export function isWithin(key: string, { start, end }: KeyRange): boolean {
  return key >= start && (end === undefined || key < end)
}
