import type { ServerResponse } from 'node:http'

/** A reader that takes nothing for so long is gone. */
const stalledMs = 30_000

/** Calls `go` once the reader of a long answer has room again; ends the answer when it takes nothing any more. */
export function waitForReader(response: ServerResponse, go: () => void): void {
  const timer = setTimeout(() => response.destroy(), stalledMs)
  const stop = (): void => clearTimeout(timer)
  response.once('close', stop)
  response.once('drain', () => {
    stop()
    response.off('close', stop)
    go()
  })
}
