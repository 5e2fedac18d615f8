const sampleEveryMs = 60_000
const samplesMax = 60
/** A burst of writes is no trend. */
const spanMinMs = 5 * 60_000

/** How fast the free space of a disk goes down, over the last five minutes to an hour. */
export class SpaceTrend {
  readonly #samples: { readonly at: number; readonly freeBytes: number }[] = []

  /** `now` in monotonic milliseconds. */
  note(now: number, freeBytes: number): void {
    const last = this.#samples.at(-1)
    if (last !== undefined && now - last.at < sampleEveryMs) return
    this.#samples.push({ at: now, freeBytes })
    if (this.#samples.length > samplesMax) this.#samples.shift()
  }

  /** Bytes a second, 0 when it does not go down; undefined while it was not seen for long enough. */
  lossPerSecond(): number | undefined {
    const first = this.#samples[0]
    const last = this.#samples.at(-1)
    if (first === undefined || last === undefined || last.at - first.at < spanMinMs) return undefined
    return Math.max(0, ((first.freeBytes - last.freeBytes) * 1000) / (last.at - first.at))
  }
}
