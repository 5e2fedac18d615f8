/**
 * An ordered key-value view. Keys are binary strings (one unit 0..255 per byte) in byte order.
 * Bytes are never changed once they went in or came out, by neither side, so both may keep them.
 */
export interface ReadView {
  get(key: string): Uint8Array | undefined
  /** Rising from `start` (inclusive) to `end` (exclusive; undefined = no bound). To be consumed within one turn. */
  range(start: string, end: string | undefined): Iterable<readonly [key: string, value: Uint8Array]>
}

export interface View extends ReadView {
  put(key: string, value: Uint8Array): void
  delete(key: string): void
}
