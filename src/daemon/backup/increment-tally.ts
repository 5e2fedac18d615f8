import { createHash, type Hash } from 'node:crypto'
import { entryTimeMs } from '../../machine/entry-time.ts'
import { nextSlot, type Slot } from '../../protocol/ids.ts'
import { badFrame } from '../../wire/frame-error.ts'
import { decodeIncrement } from '../../wire/increment-codec.ts'
import type { IncrementContent } from '../../wire/increment-manifest.ts'

/** Adds up what the chunks of an increment hold, for who writes one and for who reads it. */
export class IncrementTally {
  readonly #all: Hash = createHash('sha256')
  #from: Slot | undefined
  #upTo: Slot | undefined
  #entries = 0
  #stopSigns = 0
  #firstTimeMs = Number.POSITIVE_INFINITY
  #lastTimeMs = 0
  #bytes = 0
  #chunks = 0

  get chunks(): number {
    return this.#chunks
  }

  get entries(): number {
    return this.#entries
  }

  /** The slots that it holds; undefined when there are none. */
  get range(): { readonly from: Slot; readonly upTo: Slot } | undefined {
    const [from, upTo] = [this.#from, this.#upTo]
    return from === undefined || upTo === undefined ? undefined : { from, upTo }
  }

  /** The entries of the next chunk. Throws PaxosError BAD_FRAME. */
  add(chunk: Uint8Array): void {
    for (const { slot, entry } of decodeIncrement(chunk)) {
      this.#from ??= slot
      if (this.#upTo !== undefined && slot !== this.#upTo) throw badFrame(`slot ${slot} after slot ${this.#upTo - 1}`)
      this.#upTo = nextSlot(slot)
      this.#entries++
      if (entry.kind === 'stopSign') this.#stopSigns++
      const timeMs = entryTimeMs(entry)
      if (timeMs === undefined) continue
      this.#firstTimeMs = Math.min(this.#firstTimeMs, timeMs)
      this.#lastTimeMs = Math.max(this.#lastTimeMs, timeMs)
    }
    this.#all.update(chunk)
    this.#bytes += chunk.length
    this.#chunks++
  }

  /** Once, at the end. */
  content(): IncrementContent {
    return {
      entries: this.#entries,
      stopSigns: this.#stopSigns,
      firstTimeMs: Number.isFinite(this.#firstTimeMs) ? this.#firstTimeMs : 0,
      lastTimeMs: this.#lastTimeMs,
      bytes: this.#bytes,
      chunks: this.#chunks,
      contentSha256: this.#all.digest('hex'),
    }
  }
}
