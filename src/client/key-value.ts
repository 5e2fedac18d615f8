import { fromBinary } from '../base/bytes.ts'
import { PaxosError } from '../base/error.ts'
import type { Item, Key, KeyRange } from '../machine/request.ts'
import { everything, prefixRange } from '../wire/key-range.ts'

/** Text stands for its UTF-8 bytes. */
export type Bytes = string | Uint8Array

/** One key as it was at one revision. */
export class KeyValue {
  readonly key: Uint8Array
  readonly value: Uint8Array
  /** The store's revision when the key came into being. */
  readonly createRevision: number
  /** The store's revision when the key last changed. */
  readonly modRevision: number
  /** Counts the writes since the key came into being, from 1. */
  readonly version: number

  constructor(item: Item) {
    this.key = fromBinary(item.key)
    this.value = item.value
    this.createRevision = item.createRevision
    this.modRevision = item.modRevision
    this.version = item.version
  }

  /** The value as text; bytes that are not UTF-8 become U+FFFD. */
  text(): string {
    return Buffer.from(this.value).toString('utf8')
  }

  /** The key as text; bytes that are not UTF-8 become U+FFFD. */
  keyText(): string {
    return Buffer.from(this.key).toString('utf8')
  }
}

/** Keys that begin with `prefix`; or from `start` (inclusive) to `end` (exclusive), each optional; or `all`. */
export interface RangeOptions {
  readonly prefix?: Bytes | undefined
  readonly start?: Bytes | undefined
  readonly end?: Bytes | undefined
  readonly all?: boolean | undefined
}

/** Undefined when none of the options is there. Throws PaxosError BAD_REQUEST when they exclude each other. */
export function toRange({ prefix, start, end, all }: RangeOptions): KeyRange | undefined {
  const bounded = start !== undefined || end !== undefined
  if ([prefix !== undefined, bounded, all === true].filter(Boolean).length > 1) {
    throw new PaxosError('BAD_REQUEST', 'prefix, start and end, and all exclude each other')
  }
  if (prefix !== undefined) return prefixRange(toBinaryString(prefix))
  if (bounded) {
    return {
      start: start === undefined ? '' : toBinaryString(start),
      end: end === undefined ? end : toBinaryString(end),
    }
  }
  return all === true ? everything : undefined
}

/** Its length is checked with the whole request. */
export function toKey(key: Bytes): Key {
  return toBinaryString(key) as Key
}

export function toBytes(bytes: Bytes): Uint8Array {
  if (typeof bytes !== 'string') return bytes
  if (!bytes.isWellFormed()) throw new PaxosError('BAD_REQUEST', 'A text holds half a surrogate pair: give bytes')
  return Buffer.from(bytes, 'utf8')
}

function toBinaryString(bytes: Bytes): string {
  const encoded = toBytes(bytes)
  return Buffer.from(encoded.buffer, encoded.byteOffset, encoded.length).toString('latin1')
}
