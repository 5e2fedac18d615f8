import { assert } from '../base/assert.ts'
import { keyAfter } from '../base/order.ts'
import type { ReadView, View } from '../machine/view.ts'
import { OverlayLayer } from './overlay-layer.ts'

type Pair = readonly [key: string, value: Uint8Array]

/** Most ranges are asked for their first pair only; long ones get long pages. */
const firstPagePairs = 1
const pagePairsMax = 256
const pageBytesMax = 1024 * 1024

/**
 * Write-behind over a slower view, so that applying a batch costs memory operations only.
 *
 * - Changes gather in the active layer. `take` hands them out to be committed below; they stay visible as the layer in
 *   flight until `settle` says that the view below holds them. So a reader never sees a change come and go.
 * - At most one layer is in flight.
 * - The layer that settled last stays as a cache: what was written lately is what is read next. Measured with 10,000 keys:
 *   applying a put takes a tenth less time.
 */
export class Overlay implements View {
  readonly #base: ReadView
  #active = new OverlayLayer()
  #inFlight: OverlayLayer | undefined
  /** As the view below holds it, but for what the other layers change. */
  #settled: OverlayLayer | undefined
  #changed = 0

  constructor(base: ReadView) {
    this.#base = base
  }

  /** Bytes of keys and values that nobody has taken yet, as often as they were set. */
  get dirtyBytes(): number {
    return this.#active.bytes
  }

  /** Keys that nobody has taken yet. */
  get dirtyKeys(): number {
    return this.#active.changes.size
  }

  get(key: string): Uint8Array | undefined {
    let found = this.#changeOf(key)
    if (found === undefined) found = this.#settled?.changes.get(key)
    return found === undefined ? this.#base.get(key) : (found ?? undefined)
  }

  put(key: string, value: Uint8Array): void {
    this.#changed++
    this.#active.set(key, value)
  }

  delete(key: string): void {
    this.#changed++
    this.#active.set(key, null)
  }

  /** Sees changes made while it is walked: each step gives the least pair above the last one as things are then. */
  *range(start: string, end: string | undefined): Generator<Pair, undefined> {
    let from = start
    let pairsMax = firstPagePairs
    while (end === undefined || from < end) {
      const { pairs, complete } = this.#page(from, end, pairsMax)
      const changed = this.#changed
      for (const pair of pairs) {
        yield pair
        from = keyAfter(pair[0])
        if (changed !== this.#changed) break
      }
      if (complete && changed === this.#changed) return
      pairsMax = Math.min(pagePairsMax, pairsMax * 4)
    }
  }

  /** The changes to commit below, at once or not at all; null deletes. They must not be changed. */
  take(): ReadonlyMap<string, Uint8Array | null> {
    assert(this.#inFlight === undefined, 'two layers in flight')
    this.#inFlight = this.#active
    this.#active = new OverlayLayer()
    return this.#inFlight.changes
  }

  /** The view below now holds what was taken. */
  settle(): void {
    assert(this.#inFlight !== undefined, 'no layer in flight')
    this.#changed++
    this.#settled = this.#inFlight
    this.#inFlight = undefined
  }

  /** Drops every change: the view below was replaced. */
  reset(): void {
    this.#changed++
    this.#active = new OverlayLayer()
    this.#inFlight = undefined
    this.#settled = undefined
  }

  #changeOf(key: string): Uint8Array | null | undefined {
    const changed = this.#active.changes.get(key)
    return changed === undefined ? this.#inFlight?.changes.get(key) : changed
  }

  /** Ends the walk through the view below before it returns: one left open would hold back the reuse of its pages. */
  #page(start: string, end: string | undefined, pairsMax: number): { pairs: readonly Pair[]; complete: boolean } {
    const pairs: Pair[] = []
    let bytes = 0
    for (const pair of this.#merge(start, end)) {
      pairs.push(pair)
      bytes += pair[1].length
      if (pairs.length >= pairsMax || bytes >= pageBytesMax) return { pairs, complete: false }
    }
    return { pairs, complete: true }
  }

  *#merge(start: string, end: string | undefined): Generator<Pair, undefined> {
    const changedKeys = this.#changedKeys(start, end)
    let changedKey = changedKeys.next().value
    for (const pair of this.#base.range(start, end)) {
      const key = pair[0]
      for (; changedKey !== undefined && changedKey < key; changedKey = changedKeys.next().value) {
        const value = this.#changeOf(changedKey)
        if (value) yield [changedKey, value]
      }
      if (changedKey !== key) {
        yield pair
        continue
      }
      const value = this.#changeOf(key)
      if (value) yield [key, value]
      changedKey = changedKeys.next().value
    }
    for (; changedKey !== undefined; changedKey = changedKeys.next().value) {
      const value = this.#changeOf(changedKey)
      if (value) yield [changedKey, value]
    }
  }

  /** Keys of both layers, rising, each once. */
  *#changedKeys(start: string, end: string | undefined): Generator<string, undefined> {
    if (this.#inFlight === undefined) return yield* this.#active.keys(start, end)
    const upper = this.#active.keys(start, end)
    const lower = this.#inFlight.keys(start, end)
    let a = upper.next().value
    let b = lower.next().value
    while (a !== undefined || b !== undefined) {
      if (b === undefined || (a !== undefined && a <= b)) {
        yield a ?? ''
        if (a === b) b = lower.next().value
        a = upper.next().value
      } else {
        yield b
        b = lower.next().value
      }
    }
  }
}
