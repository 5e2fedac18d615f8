import { setFlagsFromString } from 'node:v8'
import { errorCodes, PaxosError } from '../base/error.ts'
import type { ConfigFlags } from '../daemon/config.ts'
import type { NodeLogger } from '../daemon/logger.ts'

export interface RunNodeOptions {
  readonly flags: ConfigFlags
  readonly version: string
  /** Stop when standard input ends: the parent is gone. */
  readonly stopWithStdin: boolean
}

/** npm and a terminal may both send the same Ctrl-C; within this time that is one signal. */
const sameSignalMs = 500

/**
 * How much the heap, and the buffers outside it, may grow between two collections of all garbage: to six times what lives.
 * By itself V8 is sparing with so small a heap, and the buffers that come in from the network made it collect four times a
 * second. Measured with 1000 puts in flight: a follower 12.3 and 8.4 µs of processor time a put, p99 84 and 71 ms.
 */
const heapGrowthPercent = 500

/** Runs a node until it is asked to stop. Throws what made it stop otherwise; the process must then exit at once. */
export async function runNode({ flags, version, stopWithStdin }: RunNodeOptions): Promise<void> {
  setFlagsFromString(`--heap-growing-percent=${heapGrowthPercent}`)
  const { loadNodeConfig } = await import('../daemon/config.ts')
  const config = loadNodeConfig(flags, process.env, process.cwd())
  const { createLogger } = await import('../daemon/logger.ts')
  const log = createLogger({ node: config.name, level: config.logLevel, format: config.logFormat })
  exitOnBug(log)
  // As --disable-proto=delete: nothing in a node needs it, and a key from the wire must not reach a prototype by it.
  Reflect.deleteProperty(Object.prototype, '__proto__')
  const asked = stopRequest(log, stopWithStdin)
  const { startNode } = await import('../daemon/node.ts')
  try {
    const node = await startNode(config, { log, version, stopped: asked })
    if (node === undefined) return
    const failure = await Promise.race([node.closed, asked.then(() => node.stop())])
    if (failure instanceof Error) throw failure
  } finally {
    // An open standard input would keep the process after the node is gone.
    if (stopWithStdin) process.stdin.destroy()
    log.flush()
  }
}

/** The exit status for what `runNode` threw. */
export function exitStatusOf(error: unknown): number {
  return error instanceof PaxosError ? errorCodes[error.code].exit : 1
}

/** Resolves at the first request to stop. A second one, later, is meant literally. */
function stopRequest(log: NodeLogger, stopWithStdin: boolean): Promise<void> {
  return new Promise((resolve) => {
    let firstAt: number | undefined
    const onRequest = (why: string): void => {
      const now = performance.now()
      if (firstAt === undefined) {
        firstAt = now
        log.logger.info({ why }, 'asked to stop')
        resolve()
      } else if (now - firstAt > sameSignalMs) {
        log.logger.warn({ why }, 'asked to stop again: exiting at once')
        log.flush()
        process.exit(1)
      }
    }
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => onRequest(signal))
    if (!stopWithStdin) return
    process.stdin
      .on('end', () => onRequest('standard input ended'))
      .on('error', () => onRequest('standard input failed'))
    process.stdin.resume()
  })
}

/** A confused node must not go on voting: what nobody caught stops it. */
function exitOnBug(log: NodeLogger): void {
  const exit = (err: unknown): void => {
    log.logger.fatal({ err }, 'bug: nobody caught this error')
    log.flush()
    process.exit(1)
  }
  process.on('uncaughtException', exit).on('unhandledRejection', exit)
}
