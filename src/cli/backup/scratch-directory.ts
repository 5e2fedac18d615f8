import { existsSync, rmSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { PaxosError } from '../../base/error.ts'
import { lockDirectory, lockFile, lockSocket } from '../../daemon/store/directory-lock.ts'

/** Of its name, by which what a killed run left is known. */
export const scratchPrefix = 'paxos-verify-'
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Makes a directory below `parent` for the time of `body`. It goes with it, also when the process is asked to end; what a
 * killed one left goes at the next call. Throws PaxosError USAGE when it cannot be made.
 */
export async function withScratchDirectory<T>(parent: string, body: (directory: string) => Promise<T>): Promise<T> {
  await removeLeftovers(parent)
  const directory = await mkdtemp(join(parent, scratchPrefix)).catch((cause: NodeJS.ErrnoException) => {
    const reason = cause.code === 'ENOENT' ? 'it does not exist' : (cause.code ?? cause.message)
    throw new PaxosError('USAGE', `Cannot use ${parent}: ${reason}`, {
      hint: 'Name a directory that is writable with --scratch.',
      cause,
    })
  })
  const onSignal = (signal: NodeJS.Signals): void => {
    rmSync(directory, { recursive: true, force: true })
    for (const name of signals) process.off(name, onSignal)
    // Whoever waits for this process is to see that a signal ended it.
    process.kill(process.pid, signal)
  }
  for (const name of signals) process.on(name, onSignal)
  try {
    const lock = await lockDirectory(directory)
    try {
      return await body(directory)
    } finally {
      await rm(directory, { recursive: true, force: true })
      await lock.release()
    }
  } finally {
    for (const name of signals) process.off(name, onSignal)
  }
}

/** One that has no lock yet may be about to get it; whatever cannot be removed, somebody else's too, is left alone. */
async function removeLeftovers(parent: string): Promise<void> {
  const names = await readdir(parent).catch(() => [])
  for (const name of names.filter((found) => found.startsWith(scratchPrefix))) {
    const directory = join(parent, name)
    if (![lockSocket, lockFile].some((file) => existsSync(join(directory, file)))) continue
    try {
      const lock = await lockDirectory(directory)
      await rm(directory, { recursive: true, force: true })
      await lock.release()
    } catch {}
  }
}
