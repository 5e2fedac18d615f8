import { randomBytes } from 'node:crypto'
import { Random } from '../../base/random.ts'
import { PaxosClient } from '../../client/client.ts'
import { count } from '../output.ts'
import { StatusLine } from '../status-line.ts'
import { Histogram } from './histogram.ts'
import { type Distribution, KeySpace } from './key-space.ts'
import { deleteKeys, leftovers, preload } from './keys.ts'
import { Load } from './load.ts'
import { openTargets } from './open-targets.ts'
import { type BenchmarkResult, ms, resultOf } from './result.ts'
import { operations, type Workload } from './workload.ts'

export interface BenchmarkOptions {
  readonly endpoints: readonly string[]
  readonly timeoutMs: number
  readonly workload: Workload
  readonly via: 'http' | 'stream'
  readonly consistency: 'linearizable' | 'stale'
  readonly clients: number
  /** For each client. */
  readonly inFlight: number
  /** Requests a second in all; undefined is a closed loop. */
  readonly rate: number | undefined
  readonly warmUpMs: number
  readonly durationMs: number
  readonly keys: number
  readonly keyBytes: number
  readonly valueBytes: number
  readonly distribution: Distribution
  /** Of a mixed workload, 0..1. */
  readonly readShare: number
  /** Each client stays at one of the endpoints, in turn, instead of going to the leader. */
  readonly spread: boolean
  readonly silent: boolean
}

/**
 * Measures a running cluster, below a prefix of its own that is deleted at the end, after a Ctrl-C as well. Throws
 * PaxosError when the cluster does not answer before the load begins; later errors are part of the result.
 */
export async function runBenchmark(options: BenchmarkOptions): Promise<BenchmarkResult> {
  const { endpoints, timeoutMs, workload, silent } = options
  const prefix = `paxos-bench/${randomBytes(4).toString('hex')}/`
  const space = new KeySpace({ ...options, prefix, random: random() })
  const value = Buffer.alloc(options.valueBytes, '0123456789abcdef')
  const keeper = new PaxosClient({ endpoints, timeoutMs })
  const stop = new StopOnSignal(prefix)
  try {
    // Whether there is a cluster at all, before anything is written.
    await keeper.get(prefix)
    const leader = keeper.leader ?? null
    let load: Load
    let generatorBusy: number
    let keysLeft = true
    try {
      if (workload !== 'put') await preload(keeper, space, value, stop.signal, silent)
      const targets = await openTargets(options, value)
      const next = operations(workload, space, options.readShare, random())
      load = new Load({ ...options, targets, next, signal: stop.signal })
      generatorBusy = await measure(load, options)
      await Promise.all(targets.map((target) => target.close()))
    } finally {
      keysLeft = !(await deleteKeys(keeper, prefix, silent))
    }
    return resultOf(options, load, { leader, prefix, generatorBusy, interrupted: stop.signal.aborted, keysLeft })
  } finally {
    stop.end()
    await keeper.close()
  }
}

/** Returns how busy this process was, 0..1. */
async function measure(load: Load, options: BenchmarkOptions): Promise<number> {
  const line = new StatusLine({ stream: process.stderr, silent: options.silent, line: lineOf(load, options) })
  const before = performance.eventLoopUtilization()
  line.start()
  try {
    await load.run()
  } finally {
    line.stop()
  }
  return performance.eventLoopUtilization(before).utilization
}

/** `put 12,000/s, 24,000 requests, p99 8.1 ms, 3 errors, 8 s left`; the rate is that since a second ago. */
function lineOf(load: Load, { workload, durationMs }: BenchmarkOptions): () => string {
  let mark = { at: performance.now(), total: 0, rate: 0 }
  return () => {
    const now = performance.now()
    const seconds = (now - mark.at) / 1000
    if (seconds >= 1) mark = { at: now, total: load.total, rate: (load.total - mark.total) / seconds }
    const all = new Histogram()
    for (const histogram of load.latency.values()) all.add(histogram)
    const parts = [
      `${workload} ${Math.round(mark.rate).toLocaleString('en-US')}/s`,
      load.seconds === 0 ? 'warming up' : count(load.done, 'request'),
      `p99 ${ms(all.percentile(99) / 1000)}`,
      `${Math.ceil(Math.max(0, durationMs / 1000 - load.seconds))} s left`,
    ]
    if (load.failed > 0) parts.splice(3, 0, count(load.failed, 'error'))
    return parts.join(', ')
  }
}

/** The first Ctrl-C ends the load and cleans up; the second ends the process, and says what it leaves behind. */
class StopOnSignal {
  readonly #stop = new AbortController()
  readonly #prefix: string

  constructor(prefix: string) {
    this.#prefix = prefix
    process.on('SIGINT', this.#onSignal).on('SIGTERM', this.#onSignal)
  }

  get signal(): AbortSignal {
    return this.#stop.signal
  }

  end(): void {
    process.off('SIGINT', this.#onSignal).off('SIGTERM', this.#onSignal)
  }

  readonly #onSignal = (): void => {
    if (this.#stop.signal.aborted) {
      process.stderr.write(`${leftovers(this.#prefix)}\n`)
      process.exit(130)
    }
    this.#stop.abort()
  }
}

function random(): Random {
  return new Random(randomBytes(4).readUInt32LE())
}
