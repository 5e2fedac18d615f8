import { PaxosError } from '../base/error.ts'
import { decodeRequest } from '../machine/command-codec.ts'
import { grows } from '../machine/growth.ts'
import type { Outcome } from './peer-message.ts'

/**
 * Refuses what would grow the data while there is no room for it. Reads, deletes and compaction go on, so that room can be
 * made. Asked where a client's request enters and where another node forwards one: the leader's answer is for all of them.
 */
export class GrowthGate {
  readonly #whyClosed: () => string | undefined

  /** `whyClosed` says in words why there is no room, and what to do; undefined when there is. */
  constructor(whyClosed: () => string | undefined) {
    this.#whyClosed = whyClosed
  }

  /** Undefined for what may pass. */
  refusal(request: Uint8Array): Outcome | undefined {
    const message = this.#whyClosed()
    if (message === undefined || !mayGrow(request)) return undefined
    return { kind: 'failed', code: 'NO_SPACE', message }
  }
}

/**
 * What cannot be read may come from a member with another version, so it is no reason to stop. It grows nothing: should it
 * be chosen, the machine refuses it by the same reading.
 */
function mayGrow(request: Uint8Array): boolean {
  try {
    return grows(decodeRequest(request).command)
  } catch (error) {
    if (error instanceof PaxosError) return false
    throw error
  }
}
