import { lstatSync, unlinkSync } from 'node:fs'
import type { Server } from 'node:http'
import { PaxosError } from '../../base/error.ts'
import type { ApiLogger } from './context.ts'

/** What fits into a `sockaddr_un`, without its closing NUL. */
const socketPathBytesMax = 107

/** Node's 511 are too few when a thousand clients come back at once: those refused try again a second later. */
const backlog = 4096

/** Throws PaxosError PORT_IN_USE when another process has the port, BAD_CONFIG when it cannot be had at all. */
export function listenOnPort(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const refused = (cause: NodeJS.ErrnoException): void => reject(portError(cause, host, port))
    server.once('error', refused)
    server.listen({ host, port, backlog }, () => {
      server.off('error', refused)
      resolve()
    })
  })
}

/**
 * For the owner only (mode 0600). False, with a warning, when the path is too long for the system: the port serves the
 * same. A socket left behind by a killed process is replaced; the lock on the data directory says that it is dead.
 */
export function listenOnSocket(server: Server, path: string, logger: ApiLogger): Promise<boolean> {
  if (Buffer.byteLength(path) > socketPathBytesMax) {
    logger.warn({ path, bytesMax: socketPathBytesMax }, 'No unix socket: its path would be too long')
    return Promise.resolve(false)
  }
  removeStale(path)
  return new Promise((resolve, reject) => {
    const refused = (cause: NodeJS.ErrnoException): void => {
      reject(new PaxosError('BAD_CONFIG', `Cannot listen on the unix socket ${path}: ${cause.message}`, { cause }))
    }
    server.once('error', refused)
    // The socket is made within `listen`, so that it never exists with a wider mode.
    const umask = process.umask(0o177)
    try {
      server.listen(path, () => {
        server.off('error', refused)
        resolve(true)
      })
    } finally {
      process.umask(umask)
    }
  })
}

function removeStale(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return
  if (!found.isSocket()) {
    throw new PaxosError('BAD_CONFIG', `Cannot listen on the unix socket ${path}: another file is there`)
  }
  unlinkSync(path)
}

function portError(cause: NodeJS.ErrnoException, host: string, port: number): PaxosError {
  if (cause.code === 'EADDRINUSE') {
    return new PaxosError('PORT_IN_USE', `Cannot listen on ${host}:${port}: the port is in use`, {
      hint: 'Stop the process that has it, or choose another port with --listen-client.',
      cause,
    })
  }
  return new PaxosError('BAD_CONFIG', `Cannot listen on ${host}:${port}: ${cause.message}`, { cause })
}
