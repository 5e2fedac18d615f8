import { type ErrorCode, PaxosError } from '../../base/error.ts'
import { Histogram } from './histogram.ts'
import type { Target } from './target.ts'
import type { Operation, OperationKind } from './workload.ts'

export interface LoadOptions {
  readonly targets: readonly Target[]
  /** For each target. */
  readonly inFlight: number
  /** Requests a second in all; undefined is a closed loop: the next one goes when an answer has come. */
  readonly rate: number | undefined
  readonly warmUpMs: number
  readonly durationMs: number
  readonly signal: AbortSignal
  next(): Operation
}

/** After an error, a client pauses: one that fails at once must not be all that is measured. */
const pauseAfterErrorMs = 100

/** Puts load on targets and counts what comes of it. Times are microseconds. */
export class Load {
  /** From the start that was intended, or in a closed loop from the start; answers without an error. */
  readonly latency = new Map<OperationKind, Histogram>()
  readonly errors = new Map<ErrorCode, { times: number; readonly message: string }>()
  /** How long after the intended start a request went out. Open loop only. */
  readonly lateness = new Histogram()
  /** Answered while it was measured. */
  done = 0
  /**
   * How long requests had waited at the end that were due and never went out. Open loop only. They would have taken
   * longer; left out, overload would look fast.
   */
  readonly unsent = new Histogram()
  /** Answered in all, before the measurement too. */
  total = 0
  readonly #options: LoadOptions
  readonly #sleeping = new Set<() => void>()
  #beganAt = 0
  #endAt = 0

  constructor(options: LoadOptions) {
    this.#options = options
  }

  /** Of the measurement so far, the warm-up left out. */
  get seconds(): number {
    return Math.max(0, Math.min(performance.now(), this.#endAt) - this.#beganAt) / 1000
  }

  get failed(): number {
    let failed = 0
    for (const { times } of this.errors.values()) failed += times
    return failed
  }

  /** Resolves when everything that was sent is answered. */
  async run(): Promise<void> {
    const { rate, warmUpMs, durationMs, signal } = this.#options
    const startAt = performance.now()
    this.#beganAt = startAt + warmUpMs
    this.#endAt = this.#beganAt + durationMs
    const onAbort = (): void => {
      this.#endAt = Math.min(this.#endAt, performance.now())
      for (const wake of this.#sleeping) wake()
    }
    signal.addEventListener('abort', onAbort)
    if (signal.aborted) onAbort()
    if (rate === undefined) await this.#closedLoop()
    else await this.#openLoop(startAt, 1000 / rate)
    signal.removeEventListener('abort', onAbort)
  }

  #closedLoop(): Promise<unknown> {
    const { targets, inFlight } = this.#options
    const worker = async (target: Target): Promise<void> => {
      for (let startedAt = performance.now(); startedAt < this.#endAt; startedAt = performance.now()) {
        await this.#send(target, startedAt)
      }
    }
    return Promise.all(targets.flatMap((target) => Array.from({ length: inFlight }, () => worker(target))))
  }

  /** Each worker takes the next request of one common schedule, waits until it is due, and sends it. */
  async #openLoop(startAt: number, everyMs: number): Promise<void> {
    const { targets, inFlight } = this.#options
    let scheduled = 0
    const worker = async (target: Target): Promise<void> => {
      for (;;) {
        const dueAt = startAt + scheduled * everyMs
        const now = performance.now()
        if (dueAt >= this.#endAt || now >= this.#endAt) return
        scheduled++
        // A timer is up to a millisecond late, which `lateness` shows.
        if (dueAt > now) await this.#sleep(Math.ceil(dueAt - now))
        if (performance.now() >= this.#endAt) {
          this.#giveUp(dueAt)
          return
        }
        await this.#send(target, dueAt)
      }
    }
    await Promise.all(targets.flatMap((target) => Array.from({ length: inFlight }, () => worker(target))))
    for (; startAt + scheduled * everyMs < this.#endAt; scheduled++) this.#giveUp(startAt + scheduled * everyMs)
  }

  #giveUp(dueAt: number): void {
    if (dueAt < this.#beganAt || dueAt >= this.#endAt) return
    this.unsent.record((this.#endAt - dueAt) * 1000)
  }

  async #send(target: Target, dueAt: number): Promise<void> {
    const operation = this.#options.next()
    const isMeasured = dueAt >= this.#beganAt
    if (isMeasured && this.#options.rate !== undefined) this.lateness.record((performance.now() - dueAt) * 1000)
    try {
      await target.run(operation)
    } catch (error) {
      if (!(error instanceof PaxosError)) throw error
      if (isMeasured) this.#countError(error)
      await this.#sleep(pauseAfterErrorMs)
      return
    }
    const now = performance.now()
    this.total++
    if (now >= this.#beganAt && now < this.#endAt) this.done++
    if (isMeasured) this.#histogram(operation.kind).record((now - dueAt) * 1000)
  }

  #countError({ code, message }: PaxosError): void {
    const known = this.errors.get(code)
    if (known === undefined) this.errors.set(code, { times: 1, message })
    else known.times++
  }

  /** Until the time is over, or the load is stopped. */
  #sleep(ms: number): Promise<void> {
    if (this.#options.signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer)
        this.#sleeping.delete(wake)
        resolve()
      }
      const timer = setTimeout(wake, ms)
      this.#sleeping.add(wake)
    })
  }

  #histogram(kind: OperationKind): Histogram {
    const known = this.latency.get(kind)
    if (known !== undefined) return known
    const made = new Histogram()
    this.latency.set(kind, made)
    return made
  }
}
