/** Reads as the machine takes them, and its answers as a caller sees them. */
import { PaxosError } from '../base/error.ts'
import { queryProblem } from '../machine/limits.ts'
import type { Answer, Query } from '../machine/request.ts'
import { everything } from '../wire/key-range.ts'
import type { ListOptions, ListResult, ReadOptions } from './client.ts'
import { type Bytes, KeyValue, toKey, toRange } from './key-value.ts'
import { encodableLimits, unexpected } from './writer.ts'

/** Throws PaxosError BAD_REQUEST, TOO_LARGE. */
export function getQuery(key: Bytes, { revision }: ReadOptions): Query {
  return checked({ kind: 'get', key: toKey(key), revision })
}

/** Every key when no range is given. Throws PaxosError BAD_REQUEST, TOO_LARGE. */
export function listQuery(options: ListOptions): Query {
  const { limit = 0, revision, keysOnly = false } = options
  return checked({ kind: 'range', range: toRange(options) ?? everything, limit, revision, keysOnly })
}

/** Undefined when the key does not exist. Throws PaxosError when the read was refused. */
export function toKeyValue(answer: Answer): KeyValue | undefined {
  const { item } = ofKind(answer, 'item')
  return item === undefined ? undefined : new KeyValue(item)
}

/** Throws PaxosError when the read was refused. */
export function toListResult(answer: Answer): ListResult {
  const { items, more, revision } = ofKind(answer, 'items')
  return { items: items.map((item) => new KeyValue(item)), more, revision }
}

function checked(query: Query): Query {
  const problem = queryProblem(query, encodableLimits)
  if (problem !== undefined) throw new PaxosError(problem.code, problem.message)
  return query
}

function ofKind<K extends 'item' | 'items'>(answer: Answer, kind: K): Extract<Answer, { readonly kind: K }> {
  if (answer.kind === 'error') throw new PaxosError(answer.code, answer.message)
  if (!isOf(answer, kind)) throw unexpected(answer)
  return answer
}

function isOf<K extends Answer['kind']>(answer: Answer, kind: K): answer is Extract<Answer, { readonly kind: K }> {
  return answer.kind === kind
}
