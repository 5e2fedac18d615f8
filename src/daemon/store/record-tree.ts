import type { KeyBounds } from './keys.ts'

export interface TreeRecord {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

/** One change. `value` undefined removes. */
export interface TreeWrite {
  readonly key: Uint8Array
  readonly value: Uint8Array | undefined
}

/** What is read of a tree of records, wherever its parts lie. Ranges rise. */
export interface RecordTree {
  get(key: Uint8Array): Uint8Array | undefined
  /** LMDB's own tree is one; its methods write to the bounds that they are given, so it wants a copy of shared ones. */
  getRange(bounds: KeyBounds): Iterable<TreeRecord>
  getKeys(bounds: KeyBounds): Iterable<Uint8Array>
}
