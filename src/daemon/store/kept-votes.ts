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

  wrote(bytes: number): void {
    this.#written += bytes + overheadBytes
  }

  /** What a load found below the watermark. Says what may go. */
  found(keys: LogKeys, upTo: Slot, run: LeftoverRun): readonly VotesBelow[] {
    if (this.#ranges.has(keys)) return []
    const from = run.startBelow(upTo)
    this.#ranges.set(keys, { from, upTo })
    for (const { slot, bytes } of run.stepsFrom(from, this.#bytesMax / steps)) {
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

/** Votes that a load finds below the truncated watermark, in slot order. Only the last ones without a gap count. */
export class LeftoverRun {
  #slots: { readonly slot: Slot; readonly bytes: number }[] = []

  add(slot: Slot, bytes: number, isWhole: boolean): void {
    const last = this.#slots.at(-1)
    if (!isWhole || (last !== undefined && last.slot + 1 !== slot)) this.#slots = []
    if (isWhole) this.#slots.push({ slot, bytes: bytes + overheadBytes })
  }

  startBelow(upTo: Slot): Slot {
    const [first] = this.#slots
    const last = this.#slots.at(-1)
    return first !== undefined && last !== undefined && last.slot + 1 === upTo ? first.slot : upTo
  }

  /** Slots, and what lies from each up to the next. */
  stepsFrom(from: Slot, stepBytes: number): readonly { readonly slot: Slot; readonly bytes: number }[] {
    const found: { slot: Slot; bytes: number }[] = []
    for (const { slot, bytes } of this.#slots) {
      if (slot < from) continue
      const last = found.at(-1)
      if (last === undefined || last.bytes >= stepBytes) found.push({ slot, bytes })
      else last.bytes += bytes
    }
    return found
  }
}
