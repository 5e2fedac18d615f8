import { HashWriter } from '../base/hash-writer.ts'
import { type ChainValue, chainValueOf } from './chain.ts'
import type { Item } from './request.ts'

/** A hash of items as they are, in their order: equal for equal content, on whatever node. */
export function contentHash(items: Iterable<Item>): ChainValue {
  const words = new Int32Array(4)
  const writer = new HashWriter(words)
  for (const { key, value, createRevision, modRevision, version } of items) {
    writer.binary(key).number(createRevision).number(modRevision).number(version).bytes(value)
  }
  writer.flush()
  return chainValueOf(words)
}
