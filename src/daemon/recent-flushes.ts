/** More flushes than these within a minute push out the oldest. */
const keptMax = 8192
const windowMs = 60_000

export interface FlushSummary {
  readonly count: number
  readonly p99Ms: number | null
  readonly maxMs: number | null
}

/** How long the flushes of the last minute took. Costs two numbers for each. */
export class RecentFlushes {
  readonly #now: () => number
  readonly #endedAt = new Float64Array(keptMax)
  readonly #tookMs = new Float64Array(keptMax)
  #noted = 0

  /** `now` in monotonic milliseconds. */
  constructor(now: () => number) {
    this.#now = now
  }

  note(tookMs: number): void {
    const at = this.#noted++ % keptMax
    this.#endedAt[at] = this.#now()
    this.#tookMs[at] = tookMs
  }

  summary(): FlushSummary {
    const since = this.#now() - windowMs
    const kept = Math.min(this.#noted, keptMax)
    const recent = this.#tookMs.subarray(0, kept).filter((_, at) => (this.#endedAt[at] ?? 0) >= since)
    recent.sort()
    const at = (share: number): number | null => recent[Math.ceil(recent.length * share) - 1] ?? null
    return { count: recent.length, p99Ms: at(0.99), maxMs: at(1) }
  }
}
