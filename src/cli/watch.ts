import { isLive } from './output.ts'

/**
 * Runs `show` every `everyMs` until Ctrl-C or the reader goes. Resolves with what was shown last. On a terminal the next
 * picture replaces the last one.
 */
export async function watch<T>(everyMs: number, show: () => Promise<T>, draw: (shown: T) => string): Promise<T> {
  const stop = new AbortController()
  const onSignal = (): void => stop.abort()
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
  try {
    for (;;) {
      const shown = await show()
      const clear = isLive(process.stdout) ? '\x1b[H\x1b[2J' : ''
      process.stdout.write(`${clear}${draw(shown)}\n`)
      await pause(everyMs, stop.signal)
      if (stop.signal.aborted) return shown
    }
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
  }
}

/** Resolves after `ms`, or when the signal comes. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve()
    const timer = setTimeout(resolve, ms)
    signal?.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
