const sampleEveryMs = 60_000
const samplesMax = 60
/** A burst of writes is no trend. */
const spanMinMs = 5 * 60_000

/** How fast a number of bytes rises, or falls when it is negative, over the last five minutes to an hour. */
export class SpaceTrend {
  readonly #samples: { readonly at: number; readonly bytes: number }[] = []

  /** `now` in monotonic milliseconds. */
  note(now: number, bytes: number): void {
    const last = this.#samples.at(-1)
    if (last !== undefined && now - last.at < sampleEveryMs) return
    this.#samples.push({ at: now, bytes })
    if (this.#samples.length > samplesMax) this.#samples.shift()
  }

  /** Bytes a second; undefined while it was not seen for long enough. */
  perSecond(): number | undefined {
    const first = this.#samples[0]
    const last = this.#samples.at(-1)
    if (first === undefined || last === undefined || last.at - first.at < spanMinMs) return undefined
    return ((last.bytes - first.bytes) * 1000) / (last.at - first.at)
  }
}
