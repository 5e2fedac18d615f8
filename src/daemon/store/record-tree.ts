/** What is read of a tree of records, wherever its parts lie. LMDB's own tree is one. */
export interface RecordTree {
  get(key: Uint8Array): Uint8Array | undefined
  /** Rising keys. */
  getRange(bounds: {
    readonly start: Uint8Array
    readonly end: Uint8Array
  }): Iterable<{ readonly key: Uint8Array; readonly value: Uint8Array }>
  getKeys(bounds: { readonly start: Uint8Array; readonly end: Uint8Array }): Iterable<Uint8Array>
}

/** One change. `value` undefined removes. */
export interface TreeWrite {
  readonly key: Uint8Array
  readonly value: Uint8Array | undefined
}
