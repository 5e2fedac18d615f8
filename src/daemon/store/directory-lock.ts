/**
 * Keeps a second process out of a data directory. LMDB would let it in, and two nodes on one disk break every promise.
 *
 * On Linux two sockets, both of which the kernel lets go the moment the process dies, however it dies:
 * - an abstract one named after device and inode of the directory, which takes itself atomically;
 * - `lock.sock` in the directory, because the abstract name is not seen from another network namespace, and two
 *   containers may share a volume. A socket file that nobody answers on is stale.
 * Elsewhere a file with the process id in it.
 */
import { closeSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createConnection, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { PaxosError } from '../../base/error.ts'

export const lockSocket = 'lock.sock'
export const lockFile = 'lock.pid'

export interface DirectoryLock {
  release(): Promise<void>
}

/** Throws PaxosError DATA_DIR_REFUSED when another process holds it. */
export async function lockDirectory(path: string): Promise<DirectoryLock> {
  return process.platform === 'linux' ? await lockBySockets(path) : lockByFile(path)
}

async function lockBySockets(path: string): Promise<DirectoryLock> {
  const { dev, ino } = statSync(path, { bigint: true })
  const name = `\0paxos-data-${dev}-${ino}`
  const abstract = await listen(name)
  if (abstract === undefined) throw heldBy(path, await ask(name))
  // A path through the open directory is short; a socket's own path may have 107 bytes at most.
  const directory = openSync(path, 'r')
  try {
    const socketPath = `/proc/self/fd/${directory}/${lockSocket}`
    const owner = await ask(socketPath)
    if (owner !== undefined) throw heldBy(path, owner)
    rmSync(socketPath, { force: true })
    const named = await listen(socketPath)
    if (named === undefined) throw heldBy(path, undefined)
    return {
      async release(): Promise<void> {
        await close(named)
        closeSync(directory)
        await close(abstract)
      },
    }
  } catch (error) {
    closeSync(directory)
    await close(abstract)
    throw error
  }
}

/** Undefined when the name is taken. Tells whoever connects which process this is. */
function listen(name: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on('error', () => socket.destroy())
      socket.end(String(process.pid))
      socket.unref()
    })
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined)
      else reject(error)
    })
    server.listen(name, () => {
      server.unref()
      resolve(server)
    })
  })
}

/** How long the owner has to say its process id; one that is stopped holds the lock all the same. */
const askMs = 500

/** What the owner says of itself, '' when it says nothing, undefined when there is none. */
function ask(name: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    let connected = false
    let said = ''
    const socket = createConnection(name)
    socket.setTimeout(askMs, () => socket.destroy())
    socket.on('connect', () => {
      connected = true
    })
    socket.on('data', (bytes) => {
      said += bytes.toString('latin1').slice(0, 20)
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(connected ? said : undefined))
  })
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
  })
}

function lockByFile(path: string): DirectoryLock {
  const file = join(path, lockFile)
  for (;;) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx', mode: 0o600 })
      return {
        async release(): Promise<void> {
          rmSync(file, { force: true })
        },
      }
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error) || error.code !== 'EEXIST') throw error
      const owner = readFileSync(file, 'latin1')
      if (isAlive(Number(owner))) throw heldBy(path, owner)
      rmSync(file, { force: true })
    }
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid < 1) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

function heldBy(path: string, owner: string | undefined): PaxosError {
  const who = owner === undefined || owner === '' ? 'another process' : `process ${owner}`
  return new PaxosError('DATA_DIR_REFUSED', `Cannot use ${path}: ${who} holds it`, {
    hint: 'A data directory belongs to one running node. Stop that process, or choose another directory.',
  })
}
