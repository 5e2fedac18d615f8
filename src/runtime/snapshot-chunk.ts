import { fromBinary } from '../base/bytes.ts'
import { crc32c } from '../base/crc32c.ts'
import type { Slot } from '../protocol/ids.ts'

export interface ChunkContent {
  readonly snapshot: number
  readonly appliedUpTo: Slot
  readonly after: string | undefined
  readonly entries: readonly (readonly [key: string, value: Uint8Array])[]
  readonly done: boolean
}

/** CRC-32C over a chunk's place in its snapshot and everything in it, lengths included. */
export function chunkChecksum({ snapshot, appliedUpTo, after, entries, done }: ChunkContent): number {
  let crc = checksumText(0, `${snapshot} ${appliedUpTo} ${done} ${entries.length} ${after?.length ?? -1}`)
  if (after !== undefined) crc = crc32c(fromBinary(after), crc)
  for (const [key, value] of entries) {
    crc = checksumText(crc, `${key.length} ${value.length}`)
    crc = crc32c(fromBinary(key), crc)
    crc = crc32c(value, crc)
  }
  return crc
}

function checksumText(seed: number, text: string): number {
  return crc32c(fromBinary(text), seed)
}
