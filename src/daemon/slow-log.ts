import type { RequestTiming } from '../runtime/observer.ts'

export type SlowCause = 'queue' | 'commit' | 'network' | 'loop'

export interface SlowLine {
  readonly cause: SlowCause
  readonly totalMs: number
  readonly queueMs: number
  readonly commitMs: number
  readonly networkMs: number
  readonly applyMs: number
  readonly loopMs: number
  /** Slow requests since the last line, this one included. */
  readonly count: number
}

export interface SlowLogOptions {
  /** 0 switches it off. */
  readonly slowOperationMs: number
  /** At most one line in this time; the requests in between are counted. */
  readonly lineEveryMs?: number
  /** Monotonic milliseconds. */
  now(): number
  /** The longest stall of the event loop lately, in milliseconds. */
  loopLagMs(): number
  write(line: SlowLine): void
  count?(cause: SlowCause): void
}

/** Turns the timing of a slow request into a line that names what made it slow. */
export class SlowLog {
  readonly #options: SlowLogOptions
  readonly #lineEveryMs: number
  #nextLineAt = Number.NEGATIVE_INFINITY
  #unreported = 0

  constructor(options: SlowLogOptions) {
    this.#options = options
    this.#lineEveryMs = options.lineEveryMs ?? 1000
  }

  requestDone(timing: RequestTiming): void {
    const { slowOperationMs } = this.#options
    const totalMs = timing.queueMs + timing.chooseMs + timing.applyMs
    if (slowOperationMs === 0 || totalMs < slowOperationMs) return
    const loopMs = this.#options.loopLagMs()
    const cause = slowCause(timing, totalMs, loopMs)
    this.#options.count?.(cause)
    this.#unreported++
    const now = this.#options.now()
    // A stall makes every request slow at once; a line for each would bury the first.
    if (now < this.#nextLineAt) return
    this.#nextLineAt = now + this.#lineEveryMs
    this.#options.write({
      cause,
      totalMs: round(totalMs),
      queueMs: round(timing.queueMs),
      commitMs: round(timing.flushMs),
      networkMs: round(timing.chooseMs - timing.flushMs),
      applyMs: round(timing.applyMs),
      loopMs: round(loopMs),
      count: this.#unreported,
    })
    this.#unreported = 0
  }
}

/** The largest part. A stalled event loop inflates every other part, so it comes first when it explains half. */
function slowCause(timing: RequestTiming, totalMs: number, loopMs: number): SlowCause {
  if (loopMs >= totalMs / 2) return 'loop'
  const parts: readonly (readonly [SlowCause, number])[] = [
    ['commit', timing.flushMs],
    ['network', timing.chooseMs - timing.flushMs],
    ['queue', timing.queueMs],
    // Applying is work of this process and nothing else: it holds up the loop.
    ['loop', timing.applyMs],
  ]
  return parts.reduce((largest, part) => (part[1] > largest[1] ? part : largest))[0]
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10
}
