import { setTimeout as wait } from 'node:timers/promises'

/** Resolves after `ms`, or when the signal comes. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await wait(Math.max(0, ms), undefined, signal === undefined ? {} : { signal }).catch((error: unknown) => {
    if (signal?.aborted !== true) throw error
  })
}
