import { equalBytes } from '../base/bytes.ts'

export const entryKinds = ['batch', 'noop', 'barrier', 'stopSign'] as const

/** Opaque to consensus: encoded once where it is built, then forwarded and stored as it is. */
export interface Entry {
  readonly kind: (typeof entryKinds)[number]
  readonly payload: Uint8Array
}

export const noop: Entry = { kind: 'noop', payload: new Uint8Array(0) }

export function sameEntry(a: Entry, b: Entry): boolean {
  // Nearly always they are one object: comparing the bytes of a batch costs as much as applying some of its requests.
  return a.payload === b.payload ? a.kind === b.kind : a.kind === b.kind && equalBytes(a.payload, b.payload)
}
