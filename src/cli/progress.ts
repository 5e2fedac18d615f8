import { count, isLive } from './output.ts'

export interface ProgressState {
  readonly records: number
  readonly bad: number
  /** 0..1, when the size of the whole is known. */
  readonly fraction: number | undefined
}

export interface ProgressOptions {
  readonly verb: string
  readonly stream: NodeJS.WriteStream
  /** No output at all. */
  readonly silent: boolean
  state(): ProgressState
  now?(): number
}

const redrawMs = 100
const plainLineMs = 5000

/** Rate, count and time left: one line that is redrawn on a terminal, a line every five seconds elsewhere. */
export class Progress {
  readonly #options: ProgressOptions
  readonly #now: () => number
  readonly #startedAt: number
  readonly #isLive: boolean
  #timer: NodeJS.Timeout | undefined

  constructor(options: ProgressOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
    this.#startedAt = this.#now()
    this.#isLive = isLive(options.stream)
  }

  start(): void {
    if (this.#options.silent) return
    this.#timer = setInterval(() => this.#show(), this.#isLive ? redrawMs : plainLineMs)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
    if (this.#timer !== undefined && this.#isLive) this.#options.stream.write('\r\x1b[K')
    this.#timer = undefined
  }

  /** `imported 12,000 records, 9,500/s, 38 %, 12 s left` */
  line(): string {
    const { verb, state } = this.#options
    const { records, bad, fraction } = state()
    const seconds = Math.max(0.001, (this.#now() - this.#startedAt) / 1000)
    const parts = [`${verb} ${count(records, 'record')}`, `${Math.round(records / seconds).toLocaleString('en-US')}/s`]
    if (bad > 0) parts.push(count(bad, 'bad line'))
    if (fraction !== undefined && fraction > 0) {
      parts.push(`${Math.floor(fraction * 100)} %`)
      if (seconds >= 1 && fraction < 1) parts.push(`${formatSeconds((seconds * (1 - fraction)) / fraction)} left`)
    }
    return parts.join(', ')
  }

  #show(): void {
    const { stream } = this.#options
    if (!this.#isLive) {
      stream.write(`${this.line()}\n`)
      return
    }
    const width = (stream.columns ?? 80) - 1
    stream.write(`\r${this.line().slice(0, width)}\x1b[K`)
  }
}

export function formatSeconds(seconds: number): string {
  const whole = Math.ceil(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}
