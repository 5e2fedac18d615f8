import { count } from './output.ts'
import { StatusLine } from './status-line.ts'

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

/** Rate, count and time left, as a status line. */
export class Progress {
  readonly #options: ProgressOptions
  readonly #now: () => number
  readonly #startedAt: number
  readonly #line: StatusLine

  constructor(options: ProgressOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
    this.#startedAt = this.#now()
    this.#line = new StatusLine({ stream: options.stream, silent: options.silent, line: () => this.line() })
  }

  start(): void {
    this.#line.start()
  }

  stop(): void {
    this.#line.stop()
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
}

export function formatSeconds(seconds: number): string {
  const whole = Math.ceil(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}
