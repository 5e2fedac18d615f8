import { ByteReader, BytesError } from '../base/bytes.ts'
import { PaxosError } from '../base/error.ts'

/** Reads the whole of `bytes`. Whatever is wrong with them becomes PaxosError BAD_REQUEST, which names `what`. */
export function decodeWhole<T>(what: string, bytes: Uint8Array, read: (reader: ByteReader) => T): T {
  try {
    const reader = new ByteReader(bytes)
    const value = read(reader)
    reader.end()
    return value
  } catch (error) {
    if (error instanceof BytesError) throw malformed(what, error.message)
    throw error
  }
}

export function malformed(what: string, why: string): PaxosError {
  return new PaxosError('BAD_REQUEST', `Cannot decode the ${what}: ${why}`)
}

/** The item of `items` that a code byte stands for. Codes are positions, so lists may only grow at their end. */
export function pick<T>(items: readonly T[], code: number, what: string): T {
  const item = items[code]
  if (item === undefined) throw new BytesError(`no such ${what}: ${code}`)
  return item
}

export function readFlag(reader: ByteReader, what: string): boolean {
  return pick([false, true], reader.u8(), what)
}
