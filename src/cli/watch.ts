import { isLive } from './output.ts'
import { pause } from './pause.ts'

export interface WatchOptions<T> {
  readonly everyMs: number
  /** Shown so often, and then it ends; without it, until Ctrl-C or the reader goes. */
  readonly times?: number | undefined
  show(): Promise<T>
  /** What is printed of it. */
  draw(shown: T): string
}

/** Shows something again and again. Resolves with what was shown last. On a terminal the next picture is drawn over the last one. */
export async function watch<T>({ everyMs, times = Number.POSITIVE_INFINITY, show, draw }: WatchOptions<T>): Promise<T> {
  const stop = new AbortController()
  const onSignal = (): void => stop.abort()
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
  try {
    for (let n = 1; ; n++) {
      const startedAt = performance.now()
      const shown = await show()
      process.stdout.write(isLive(process.stdout) ? overLast(draw(shown), n === 1) : `${draw(shown)}\n`)
      if (n >= times) return shown
      await pause(startedAt + everyMs - performance.now(), stop.signal)
      if (stop.signal.aborted) return shown
    }
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
  }
}

/** Line over line, each cleared to its end: clearing the screen first would flicker. */
function overLast(picture: string, isFirst: boolean): string {
  const lines = picture.split('\n').map((line) => `${line}\x1b[K\n`)
  return `${isFirst ? '\x1b[2J' : ''}\x1b[H${lines.join('')}\x1b[J`
}
