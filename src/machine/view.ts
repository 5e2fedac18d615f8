/**
 * An ordered key-value view. Keys are binary strings (one unit 0..255 per byte) in byte order.
 * Returned bytes must not be changed, and stay valid only until the next call unless the implementation says more.
 */
export interface ReadView {
  get(key: string): Uint8Array | undefined
  /** Rising from `start` (inclusive) to `end` (exclusive; undefined = no bound). */
  range(start: string, end: string | undefined): Iterable<readonly [key: string, value: Uint8Array]>
}

export interface View extends ReadView {
  put(key: string, value: Uint8Array): void
  delete(key: string): void
}
