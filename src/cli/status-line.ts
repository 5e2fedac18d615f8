import { isLive } from './output.ts'

export interface StatusLineOptions {
  readonly stream: NodeJS.WriteStream
  /** No output at all. */
  readonly silent: boolean
  line(): string
}

const redrawMs = 100
const plainLineMs = 5000

/** One line that is redrawn on a terminal, a line every five seconds elsewhere. */
export class StatusLine {
  readonly #options: StatusLineOptions
  readonly #isLive: boolean
  #timer: NodeJS.Timeout | undefined

  constructor(options: StatusLineOptions) {
    this.#options = options
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

  #show(): void {
    const { stream, line } = this.#options
    if (!this.#isLive) {
      stream.write(`${line()}\n`)
      return
    }
    const width = (stream.columns ?? 80) - 1
    stream.write(`\r${line().slice(0, width)}\x1b[K`)
  }
}
