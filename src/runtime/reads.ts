import type { Query } from '../machine/request.ts'
import type { Slot } from '../protocol/ids.ts'
import type { ReadOutcome } from './replica-service.ts'

export interface PendingRead {
  readonly query: Query
  readonly startedAt: number
  readonly deadline: number
  readonly done: (outcome: ReadOutcome) => void
}

export type ReadBasis = 'readIndex' | 'lease'

/**
 * Reads that wait for the engine's word, or for the machine to apply what they must see. All reads of one turn share one
 * question to the engine: they arrived before it was asked, so its answer holds for each.
 */
export class ReadQueue {
  readonly #max: number
  #fresh: PendingRead[] = []
  readonly #asked = new Map<number, PendingRead[]>()
  #ready: { readonly upTo: Slot; readonly by: ReadBasis; readonly reads: PendingRead[] }[] = []
  /** Refused for now; asked again at the next tick, until their deadlines. */
  #refused: PendingRead[] = []
  #number = 0
  #size = 0

  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#size
  }

  get isFull(): boolean {
    return this.#size >= this.#max
  }

  add(read: PendingRead): void {
    this.#size++
    this.#fresh.push(read)
  }

  /** The number to ask the engine with, or undefined when nothing is new. */
  ask(): number | undefined {
    if (this.#fresh.length === 0) return undefined
    this.#number++
    this.#asked.set(this.#number, this.#fresh)
    this.#fresh = []
    return this.#number
  }

  onReadable(number: number, upTo: Slot, by: ReadBasis): void {
    const reads = this.#asked.get(number)
    if (reads === undefined) return
    this.#asked.delete(number)
    this.#ready.push({ upTo, by, reads })
  }

  onUnreadable(number: number): void {
    const reads = this.#asked.get(number)
    if (reads === undefined) return
    this.#asked.delete(number)
    this.#refused.push(...reads)
  }

  /** Hands out what the machine has applied enough for. `serve` is false for a read that must be asked again. */
  serve(appliedUpTo: Slot, serve: (reads: readonly PendingRead[], by: ReadBasis) => boolean): void {
    if (this.#ready.length === 0) return
    const due = this.#ready.filter((batch) => batch.upTo <= appliedUpTo)
    if (due.length === 0) return
    this.#ready = this.#ready.filter((batch) => batch.upTo > appliedUpTo)
    for (const { reads, by } of due) {
      this.#size -= reads.length
      if (serve(reads, by)) continue
      this.#size += reads.length
      this.#fresh.push(...reads)
    }
  }

  /** Asks again for what was refused, and ends what is too late. */
  onTick(now: number, expire: (read: PendingRead) => void): void {
    this.#fresh.push(...this.#refused)
    this.#refused = []
    const late: PendingRead[] = []
    const isLate = (read: PendingRead): boolean => {
      if (read.deadline > now) return false
      late.push(read)
      return true
    }
    this.#fresh = this.#fresh.filter((read) => !isLate(read))
    for (const [number, reads] of this.#asked) {
      const left = reads.filter((read) => !isLate(read))
      if (left.length === 0) this.#asked.delete(number)
      else if (left.length < reads.length) this.#asked.set(number, left)
    }
    this.#ready = this.#ready
      .map((batch) => ({ ...batch, reads: batch.reads.filter((read) => !isLate(read)) }))
      .filter((batch) => batch.reads.length > 0)
    this.#size -= late.length
    for (const read of late) expire(read)
  }

  /** Empties the queue. */
  drain(): PendingRead[] {
    const all = [
      ...this.#fresh,
      ...this.#refused,
      ...[...this.#asked.values()].flat(),
      ...this.#ready.flatMap((b) => b.reads),
    ]
    this.#fresh = []
    this.#refused = []
    this.#asked.clear()
    this.#ready = []
    this.#size = 0
    return all
  }
}
