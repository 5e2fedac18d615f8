import { unreachable } from '../base/assert.ts'
import { keyAfter } from '../base/order.ts'
import { answerBytesMax } from '../machine/bounds.ts'
import { type ChainValue, chainZero } from '../machine/chain.ts'
import { contentHash } from '../machine/content.ts'
import type { Answer, Item, Query } from '../machine/request.ts'

/** The keys of one range at one revision. */
export interface ContentPart {
  readonly keys: number
  readonly hash: ChainValue
}

/** hashed: one part for each bound. compacted: the revision is forgotten here. behind: it has not come here yet. */
export interface ContentReport {
  readonly state: 'hashed' | 'compacted' | 'behind'
  readonly parts: readonly ContentPart[]
}

/** Where the ranges begin, rising; each ends where the next begins, the last before `end`. */
export interface ContentBounds {
  readonly bounds: readonly string[]
  readonly end: string | undefined
}

/** Keys that a node reads at a time: consensus must get its turn between. */
export const contentPageKeys = 1000

type Ask = (query: Query) => Answer

/** Reads two pages at most, in keys and in bytes: whoever has more in the same range differs anyway. */
export function contentParts(ask: Ask, revision: number, { bounds, end }: ContentBounds): ContentReport {
  const parts: ContentPart[] = []
  let left = 2 * contentPageKeys
  let bytesLeft = 2 * answerBytesMax
  for (const [index, start] of bounds.entries()) {
    if (left === 0) {
      parts.push({ keys: 0, hash: chainZero })
      continue
    }
    const range = { start, end: index + 1 < bounds.length ? bounds[index + 1] : end }
    const answer = ask({ kind: 'range', range, limit: left, revision, keysOnly: false })
    if (answer.kind === 'error') return { state: answer.code === 'COMPACTED' ? 'compacted' : 'behind', parts: [] }
    if (answer.kind !== 'items') return unreachable(answer as never)
    parts.push({ keys: answer.items.length, hash: contentHash(answer.items) })
    left -= answer.items.length
    bytesLeft -= answer.items.reduce((bytes, { key, value }) => bytes + key.length + value.length, 0)
    if (answer.more || bytesLeft < 0) left = 0
  }
  return { state: 'hashed', parts }
}

export interface ContentPage {
  readonly items: readonly Item[]
  /** Where the next page begins; undefined after the last. */
  readonly end: string | undefined
}

/** The keys from `start` on, as many as are compared at a time. An error when the revision cannot be read here. */
export function contentPage(ask: Ask, revision: number, start: string): ContentPage | (Answer & { kind: 'error' }) {
  const range = { start, end: undefined }
  const answer = ask({ kind: 'range', range, limit: contentPageKeys, revision, keysOnly: false })
  if (answer.kind === 'error') return answer
  if (answer.kind !== 'items') return unreachable(answer as never)
  const last = answer.items.at(-1)
  return { items: answer.items, end: answer.more && last !== undefined ? keyAfter(last.key) : undefined }
}
