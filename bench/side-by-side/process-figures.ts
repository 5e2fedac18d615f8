import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface ProcessFigures {
  readonly cpuSeconds: number
  /** Handed to the disk, by the kernel's account. */
  readonly writtenBytes: number
  readonly residentBytes: number
}

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))

/** What the kernel knows of a process. Linux only. */
export async function processFigures(pid: number): Promise<ProcessFigures> {
  const [stat, io, status] = await Promise.all(
    ['stat', 'io', 'status'].map((name) => readFile(`/proc/${pid}/${name}`, 'latin1')),
  )
  // The name of the program, in parentheses, may hold anything; user and system time are the 12th and 13th after it.
  const rest = (stat ?? '').slice((stat ?? '').lastIndexOf(')') + 2).split(' ')
  return {
    cpuSeconds: (Number(rest[11]) + Number(rest[12])) / ticksPerSecond,
    writtenBytes: Number(/^write_bytes: (\d+)/m.exec(io ?? '')?.[1]),
    residentBytes: Number(/^VmRSS:\s+(\d+)/m.exec(status ?? '')?.[1]) * 1024,
  }
}

/** Bytes that the connections to these local ports have sent so far, both ways, by the kernel's account (ss -ti). */
export function bytesOnWire(ports: readonly number[]): number {
  const filter = ports.map((port) => `sport = :${port} or dport = :${port}`).join(' or ')
  const output = execFileSync('ss', ['-tinH', 'state', 'established', `( ${filter} )`], { encoding: 'utf8' })
  return [...output.matchAll(/\bbytes_sent:(\d+)/g)].reduce((sum, [, bytes]) => sum + Number(bytes), 0)
}

const flushCalls = ['fsync', 'fdatasync', 'msync', 'sync_file_range']
const writeCalls = ['pwrite64', 'pwritev', 'pwritev2']
const syncedOnWrite = 0o10_000

/**
 * Flushes that a process waits for while `body` runs: the calls for it, and writes to files opened with O_DSYNC, as LMDB
 * writes its meta pages. strace slows the process down: count, do not time.
 */
export async function flushesDuring(pid: number, body: () => Promise<void>): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'strace-'))
  const file = join(directory, 'calls')
  const synced = await synchronousFiles(pid)
  try {
    const calls = [...flushCalls, ...writeCalls].join(',')
    const strace = spawn('strace', ['-f', '-o', file, '-e', `trace=${calls}`, '-p', String(pid)], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const ended = once(strace, 'close')
    // It says so when it is attached.
    await once(strace.stderr, 'data')
    strace.stderr.resume()
    try {
      await body()
    } finally {
      strace.kill('SIGINT')
      await ended
    }
    return countFlushes(await readFile(file, 'latin1'), synced)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** Lines begin with the thread; a call that another thread interrupted has a second line, "<... resumed". */
function countFlushes(calls: string, synced: ReadonlySet<string>): number {
  const begun = [...calls.matchAll(/^\d+ +(\w+)\((\d+)?/gm)]
  return begun.filter(([, call = '', file = '']) => flushCalls.includes(call) || synced.has(file)).length
}

/** Numbers of the open files whose writes return when they are on disk. */
async function synchronousFiles(pid: number): Promise<ReadonlySet<string>> {
  const numbers = await readdir(`/proc/${pid}/fdinfo`)
  const found = new Set<string>()
  for (const number of numbers) {
    const info = await readFile(`/proc/${pid}/fdinfo/${number}`, 'latin1').catch(() => '')
    const flags = Number.parseInt(/^flags:\s+(\d+)/m.exec(info)?.[1] ?? '0', 8)
    if ((flags & syncedOnWrite) !== 0) found.add(number)
  }
  return found
}
