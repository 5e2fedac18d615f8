import type { Clock } from '../runtime/ports.ts'

/** The real clock. `defer` runs after the I/O callbacks of this turn of the event loop, so that a turn takes them all. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  defer: (task) => void setImmediate(task),
}
