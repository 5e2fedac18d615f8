import type { Hash128 } from '../base/murmur3.ts'
import { type ChainValue, chainValueOf } from '../machine/chain.ts'
import type { Slot } from '../protocol/ids.ts'

const words = 4
const slotsAtFirst = 256
/** One MiB: about half a minute of the heaviest writing. */
const slotsMax = 65_536

/** The values of the hash chain at the last slots, one after the other without a gap. In memory, and gone after a restart. */
export class RecentChains {
  #ring = new Int32Array(slotsAtFirst * words)
  #from = 0
  #to = 0

  /** `hash` is the value at `slot`, the one after the slot noted last; anything else begins anew. */
  note(slot: Slot, hash: Hash128): void {
    if (slot !== this.#to) {
      this.#from = slot
      this.#to = slot
    }
    if (this.#to - this.#from === this.#slots) {
      if (this.#slots < slotsMax) this.#grow()
      else this.#from++
    }
    this.#ring.set(hash, this.#at(slot))
    this.#to = slot + 1
  }

  at(slot: Slot): ChainValue | undefined {
    if (slot < this.#from || slot >= this.#to) return undefined
    const at = this.#at(slot)
    return chainValueOf(this.#ring.subarray(at, at + words))
  }

  clear(): void {
    this.#from = this.#to
  }

  get #slots(): number {
    return this.#ring.length / words
  }

  #at(slot: number): number {
    return (slot % this.#slots) * words
  }

  #grow(): void {
    const old = this.#ring
    const oldSlots = this.#slots
    this.#ring = new Int32Array(2 * old.length)
    for (let slot = this.#from; slot < this.#to; slot++) {
      const at = (slot % oldSlots) * words
      this.#ring.set(old.subarray(at, at + words), this.#at(slot))
    }
  }
}
