import { type Slot, toSlot } from '../../protocol/ids.ts'
import type { LogKeys } from './keys.ts'

/** Votes of a log below a slot. */
export interface VotesBelow {
  readonly keys: LogKeys
  readonly upTo: Slot
}

interface Mark extends VotesBelow {
  /** Bytes that were written in all when the log was truncated up to here. */
  readonly written: number
}

/** Kept bytes are counted in so many steps. */
const steps = 256
/** Of a record, beside its value. */
const overheadBytes = 64

/**
 * How much of the truncated log stays on the disk, so that increments of backups can be made of it: about the newest
 * `bytesMax` of all logs together.
 *
 * - What is kept holds the chosen entries, without a gap up to the truncated watermark. A snapshot ends that: below it votes
 *   may be of anything, so nothing is kept.
 * - There is no record of it. Who truncates by a snapshot leaves a hole right below the watermark, and loading takes for
 *   kept what lies below without a gap.
 */
export class KeptVotes {
  readonly #bytesMax: number
  readonly #ranges = new Map<LogKeys, { from: Slot; upTo: Slot }>()
  /** Oldest first. */
  #marks: Mark[] = []
  #written = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** The slots that are kept; empty when `from` is `upTo`. */
  rangeOf(keys: LogKeys): { readonly from: Slot; readonly upTo: Slot } {
    return this.#ranges.get(keys) ?? { from: toSlot(0), upTo: toSlot(0) }
  }

  /** To be filled with what a load finds. */
  leftovers(): LeftoverRun {
    return new LeftoverRun(this.#bytesMax)
  }

  wrote(bytes: number): void {
    this.#written += bytes + overheadBytes
  }

  /** What a load found below the watermark. Says what may go. */
  found(keys: LogKeys, upTo: Slot, run: Pick<LeftoverRun, 'stepsBelow'>): readonly VotesBelow[] {
    if (this.#ranges.has(keys)) return []
    const found = run.stepsBelow(upTo)
    const from = found[0]?.slot ?? upTo
    this.#ranges.set(keys, { from, upTo })
    for (const { slot, bytes } of found) {
      this.#marks.push({ keys, upTo: slot, written: this.#written })
      this.#written += bytes
    }
    this.#marks.push({ keys, upTo, written: this.#written })
    return [{ keys, upTo: from }, ...this.#expel()]
  }

  /** The watermark is durable. Says what may go. */
  truncated(keys: LogKeys, upTo: Slot, bySnapshot: boolean): readonly VotesBelow[] {
    const range = this.#ranges.get(keys) ?? { from: toSlot(0), upTo }
    this.#ranges.set(keys, { from: bySnapshot ? upTo : range.from, upTo })
    if (bySnapshot) {
      this.#marks = this.#marks.filter((mark) => mark.keys !== keys)
      return [{ keys, upTo }]
    }
    const last = this.#marks.at(-1)
    const isStep = last?.keys !== keys || this.#written - last.written >= this.#bytesMax / steps
    if (isStep) this.#marks.push({ keys, upTo, written: this.#written })
    return this.#expel()
  }

  #expel(): readonly VotesBelow[] {
    const kept = this.#marks.findIndex(({ written }) => this.#written - written < this.#bytesMax)
    const expelled = this.#marks.splice(0, kept < 0 ? this.#marks.length : kept)
    for (const { keys, upTo } of expelled) {
      const range = this.#ranges.get(keys)
      if (range !== undefined && range.from < upTo) range.from = upTo
    }
    return expelled
  }
}

/**
 * Votes that a load finds below the truncated watermark, in slot order. Only the last ones without a gap count, and of those
 * the newest `bytesMax`: whatever lies on the disk, it takes a few steps of memory, and never a record for each slot.
 */
export class LeftoverRun {
  readonly #bytesMax: number
  /** What lies from a slot up to that of the next one. */
  #steps: { readonly slot: Slot; bytes: number }[] = []
  /** Of all steps. */
  #bytes = 0
  /** The slot that continues them. */
  #next = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  add(slot: Slot, bytes: number, isWhole: boolean): void {
    // The next one does not continue what was before it.
    if (!isWhole) return
    if (slot !== this.#next) {
      this.#steps = []
      this.#bytes = 0
    }
    const size = bytes + overheadBytes
    const last = this.#steps.at(-1)
    if (last === undefined || last.bytes >= this.#bytesMax / steps) this.#steps.push({ slot, bytes: size })
    else last.bytes += size
    this.#bytes += size
    this.#next = slot + 1
    this.#dropOldest()
  }

  /** All that count; none when they end before `upTo`. */
  stepsBelow(upTo: Slot): readonly { readonly slot: Slot; readonly bytes: number }[] {
    return this.#next === upTo ? this.#steps : []
  }

  /** Those without which there is still as much as is to be kept. */
  #dropOldest(): void {
    const [first] = this.#steps
    if (first === undefined || this.#steps.length === 1 || this.#bytes - first.bytes < this.#bytesMax) return
    this.#steps.shift()
    this.#bytes -= first.bytes
  }
}
