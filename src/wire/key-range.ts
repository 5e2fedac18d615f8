import type { KeyRange } from '../machine/request.ts'

export const everything: KeyRange = { start: '', end: undefined }

/** The keys that begin with `prefix`, a binary string. */
export function prefixRange(prefix: string): KeyRange {
  for (let length = prefix.length; length > 0; length--) {
    const last = prefix.charCodeAt(length - 1)
    if (last < 0xff) {
      return { start: prefix, end: prefix.slice(0, length - 1) + String.fromCharCode(last + 1) }
    }
  }
  return { start: prefix, end: undefined }
}
