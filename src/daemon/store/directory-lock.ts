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
import { setTimeout as pause } from 'node:timers/promises'
import { PaxosError } from '../../base/error.ts'

export const lockSocket = 'lock.sock'
export const lockFile = 'lock.pid'

export interface DirectoryLock {
  release(): Promise<void>
}

export interface LockOptions {
  /** To look into it, and to let go of it soon: a node that is started meanwhile waits for that. */
  readonly isReading?: boolean
  /** How long to wait for one that only reads. 0, unless given. */
  readonly readersWaitMs?: number
  /** Called when it begins to wait, with what for. */
  onWait?(owner: string): void
  /** Waiting ends when it resolves. */
  readonly givenUp?: Promise<unknown>
}

const pollMs = 100
const readingMark = ' reading'

/** Throws PaxosError DATA_DIR_REFUSED when another process holds it, STOPPING when waiting was given up. */
export async function lockDirectory(path: string, options: LockOptions = {}): Promise<DirectoryLock> {
  const says = `${process.pid}${options.isReading === true ? readingMark : ''}`
  const deadline = performance.now() + (options.readersWaitMs ?? 0)
  for (let isFirst = true; ; isFirst = false) {
    const taken = process.platform === 'linux' ? await lockBySockets(path, says) : lockByFile(path, says)
    if (!('heldBy' in taken)) return taken
    const { heldBy } = taken
    // One that says nothing may be busy reading.
    const isNode = heldBy !== undefined && heldBy !== '' && !heldBy.endsWith(readingMark)
    if (isNode || performance.now() >= deadline) throw refusal(path, heldBy, options.isReading === true)
    if (isFirst) options.onWait?.(ownerInWords(heldBy))
    const polls = [pause(pollMs, false), ...(options.givenUp === undefined ? [] : [options.givenUp.then(() => true)])]
    if (await Promise.race(polls)) throw new PaxosError('STOPPING', `Asked to stop while ${path} was held`)
  }
}

/** What its holder says of itself; undefined when it says nothing. */
interface Held {
  readonly heldBy: string | undefined
}

async function lockBySockets(path: string, says: string): Promise<DirectoryLock | Held> {
  const { dev, ino } = statSync(path, { bigint: true })
  const name = `\0paxos-data-${dev}-${ino}`
  const abstract = await listen(name, says)
  if (abstract === undefined) return { heldBy: await ask(name) }
  // A path through the open directory is short; a socket's own path may have 107 bytes at most.
  const directory = openSync(path, 'r')
  const letGo = async (): Promise<void> => {
    closeSync(directory)
    await close(abstract)
  }
  try {
    const socketPath = `/proc/self/fd/${directory}/${lockSocket}`
    const owner = await ask(socketPath)
    const named = owner === undefined ? await listenAnew(socketPath, says) : undefined
    if (named === undefined) {
      await letGo()
      return { heldBy: owner }
    }
    return {
      async release(): Promise<void> {
        await close(named)
        await letGo()
      },
    }
  } catch (error) {
    await letGo()
    throw error
  }
}

/** A socket file that nobody answers on is stale. */
function listenAnew(path: string, says: string): Promise<Server | undefined> {
  rmSync(path, { force: true })
  return listen(path, says)
}

/** Undefined when the name is taken. Tells whoever connects which process this is, and whether it only reads. */
function listen(name: string, says: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on('error', () => socket.destroy())
      socket.end(says)
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
      said += bytes.toString('latin1').slice(0, 40)
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

function lockByFile(path: string, says: string): DirectoryLock | Held {
  const file = join(path, lockFile)
  for (;;) {
    try {
      writeFileSync(file, says, { flag: 'wx', mode: 0o600 })
      return {
        async release(): Promise<void> {
          rmSync(file, { force: true })
        },
      }
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error) || error.code !== 'EEXIST') throw error
      const owner = readFileSync(file, 'latin1')
      if (isAlive(Number.parseInt(owner, 10))) return { heldBy: owner }
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

function refusal(path: string, owner: string | undefined, isReading: boolean): PaxosError {
  const toRead = `A node that runs on it answers at --endpoints unix:${path}/paxos.sock.`
  const toRun = 'A data directory belongs to one running node. Stop that process, or choose another directory.'
  return new PaxosError('DATA_DIR_REFUSED', `Cannot use ${path}: ${ownerInWords(owner)} holds it`, {
    hint: isReading ? toRead : toRun,
  })
}

/** `process 4711`, or that it is one which only reads. */
function ownerInWords(owner: string | undefined): string {
  if (owner === undefined || owner === '') return 'another process'
  if (!owner.endsWith(readingMark)) return `process ${owner}`
  return `a command that reads (process ${owner.slice(0, -readingMark.length)})`
}
