import type { Done } from '../../runtime/ports.ts'

/** Starts something that calls `done` once, and resolves or rejects as it is called. */
export function settled(start: (done: Done) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => (error === undefined ? resolve() : reject(error)))
  })
}
