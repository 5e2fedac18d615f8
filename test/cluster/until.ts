import { setTimeout as pause } from 'node:timers/promises'

const pollMs = 25

/**
 * Asks until the answer is something else than undefined or false, and returns it. What `ask` throws counts as not yet.
 * Throws after `timeoutMs` with `what` and the last that was thrown.
 */
export async function until<T>(
  what: string,
  timeoutMs: number,
  ask: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  const deadline = performance.now() + timeoutMs
  let last: unknown
  for (;;) {
    try {
      const answer = await ask()
      if (answer !== undefined && answer !== false) return answer
    } catch (error) {
      last = error
    }
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`, { cause: last })
    await pause(pollMs)
  }
}
