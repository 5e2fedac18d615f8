import { PaxosError } from '../base/error.ts'
import type { Entry } from '../protocol/entry.ts'
import { decodeBarrier, decodeBatch } from './command-codec.ts'

/** The leader's clock when it made a batch or barrier; undefined for other entries, and for one that cannot be read. */
export function entryTimeMs({ kind, payload }: Entry): number | undefined {
  try {
    if (kind === 'batch') return decodeBatch(payload).timeMs
    return kind === 'barrier' ? decodeBarrier(payload) : undefined
  } catch (error) {
    if (error instanceof PaxosError) return undefined
    throw error
  }
}
