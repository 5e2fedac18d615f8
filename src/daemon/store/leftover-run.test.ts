/** What a load finds of truncated votes, against a run that remembers every slot. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { firstEpoch, firstGroup, type Slot, toEpochNumber, toSlot } from '../../protocol/ids.ts'
import { KeptVotes, LeftoverRun, type VotesBelow } from './kept-votes.ts'
import { LogKeys } from './keys.ts'

interface Found {
  readonly gap: number
  readonly bytes: number
  readonly isWhole: boolean
}

/** As `LeftoverRun`, with one step for each slot, folded at the end, and nothing dropped. */
class NaiveRun {
  readonly #stepBytes: number
  #slots: { readonly slot: Slot; readonly bytes: number }[] = []

  constructor(bytesMax: number) {
    this.#stepBytes = bytesMax / 256
  }

  add(slot: Slot, bytes: number, isWhole: boolean): void {
    const last = this.#slots.at(-1)
    if (!isWhole || (last !== undefined && last.slot + 1 !== slot)) this.#slots = []
    if (isWhole) this.#slots.push({ slot, bytes: bytes + 64 })
  }

  stepsBelow(upTo: Slot): { readonly slot: Slot; readonly bytes: number }[] {
    const last = this.#slots.at(-1)
    if (last?.slot !== upTo - 1) return []
    const found: { slot: Slot; bytes: number }[] = []
    for (const { slot, bytes } of this.#slots) {
      const step = found.at(-1)
      if (step === undefined || step.bytes >= this.#stepBytes) found.push({ slot, bytes })
      else step.bytes += bytes
    }
    return found
  }
}

const logs = [new LogKeys(firstGroup, firstEpoch), new LogKeys(firstGroup, toEpochNumber(2))]

/** What of each log is kept, and what of it went. */
class Seen {
  readonly #kept: KeptVotes
  readonly #gone = new Map<LogKeys, Slot>()

  constructor(bytesMax: number) {
    this.#kept = new KeptVotes(bytesMax)
  }

  load(keys: LogKeys, upTo: Slot, run: Pick<LeftoverRun, 'stepsBelow'>): void {
    this.#went(this.#kept.found(keys, upTo, run))
  }

  truncate(keys: LogKeys, bytes: number, slots: number): void {
    this.#kept.wrote(bytes)
    const { upTo } = this.#kept.rangeOf(keys)
    this.#went(this.#kept.truncated(keys, toSlot(upTo + slots), false))
  }

  get state(): readonly unknown[] {
    return logs.map((keys) => [this.#kept.rangeOf(keys), this.#gone.get(keys)])
  }

  #went(expelled: readonly VotesBelow[]): void {
    for (const { keys, upTo } of expelled) {
      const before = this.#gone.get(keys) ?? 0
      if (upTo > before) this.#gone.set(keys, upTo)
    }
  }
}

const found = fc.record({
  gap: fc.oneof({ weight: 50, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: 1, max: 3 }) }),
  bytes: fc.oneof(fc.constantFrom(0, 300), fc.integer({ min: 0, max: 20_000 })),
  isWhole: fc.oneof({ weight: 80, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
})
const log = fc.record({
  slots: fc.array<Found>(found, { maxLength: 1500, size: 'max' }),
  /** Between the last one and the watermark. */
  hole: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constant(1) }),
})

test('what is kept after a load, and after truncating more, is what a run of every slot would keep', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.constantFrom(0, 1, 255, 64 * 256), fc.integer({ min: 0, max: 10_000_000 })),
      fc.tuple(log, log),
      fc.array(fc.record({ log: fc.nat(1), bytes: fc.nat(100_000), slots: fc.integer({ min: 1, max: 20 }) })),
      (bytesMax, contents, later) => {
        const [folded, naive] = [new Seen(bytesMax), new Seen(bytesMax)]
        for (const [at, keys] of logs.entries()) {
          const runs = [new LeftoverRun(bytesMax), new NaiveRun(bytesMax)] as const
          let next = 10
          for (const { gap, bytes, isWhole } of contents[at]?.slots ?? []) {
            next += gap
            for (const run of runs) run.add(toSlot(next), bytes, isWhole)
            next++
          }
          const upTo = toSlot(next + (contents[at]?.hole ?? 0))
          folded.load(keys, upTo, runs[0])
          naive.load(keys, upTo, runs[1])
          assert.deepEqual(folded.state, naive.state)
        }
        for (const { log: at, bytes, slots } of later) {
          const [keys] = logs.slice(at)
          assert.ok(keys)
          folded.truncate(keys, bytes, slots)
          naive.truncate(keys, bytes, slots)
          assert.deepEqual(folded.state, naive.state)
        }
      },
    ),
  )
})

test('however many slots there are, and however little is to be kept of them, a load remembers few steps', () => {
  for (const bytesMax of [0, 1, 1000, 1024 * 1024, 16 * 1024 ** 3]) {
    const run = new LeftoverRun(bytesMax)
    for (let slot = 0; slot < 300_000; slot++) run.add(toSlot(slot), 300, true)
    const kept = run.stepsBelow(toSlot(300_000))
    assert.ok(kept.length > 0 && kept.length <= 258, `${kept.length} steps for ${bytesMax} bytes`)
    const bytes = kept.reduce((sum, step) => sum + step.bytes, 0)
    assert.ok(bytes >= Math.min(bytesMax, 300_000 * 364), `${bytes} of ${bytesMax}`)
  }
})
