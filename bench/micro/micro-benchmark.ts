/** A piece of the system by itself, on one thread, without disk or network. */
export interface MicroBenchmark {
  readonly name: string
  /** What is counted: messages, commands, slots. */
  readonly unit: string
  /** Does some of it, in a fraction of a millisecond, and returns how much. */
  run(): number
}

/** How much a second of the given clock (milliseconds), after a quarter of the time to warm up. */
export function rateOf({ run }: MicroBenchmark, ms: number, clock: () => number = () => performance.now()): number {
  const warmUntil = clock() + ms / 4
  while (clock() < warmUntil) run()
  const began = clock()
  let done = 0
  let elapsed = 0
  do {
    for (let i = 0; i < 5; i++) done += run()
    elapsed = clock() - began
  } while (elapsed < ms)
  return (done * 1000) / elapsed
}

/** Processor time of this process, its helper threads included: it does not go on while others have the processor. */
export function processorMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/**
 * Work that no change of ours makes faster: how quick this machine is at the moment at what such programs do, which is
 * objects, maps, bytes and small integers. Ratios to it travel from one machine to another better than rates do.
 */
export const calibration: MicroBenchmark = {
  name: 'calibration',
  unit: 'rounds',
  run: () => {
    const known = new Map<string, { readonly at: number; readonly bytes: Uint8Array }>()
    const bytes = new Uint8Array(4096)
    let hash = 17
    for (let at = 0; at < 200; at++) {
      for (let i = 0; i < 100; i++) hash = (Math.imul(hash, 31) + (bytes[(hash >>> 8) & 4095] ?? 0) + i) | 0
      bytes[hash & 4095] = hash
      known.set(`key/${hash & 255}`, { at, bytes: bytes.subarray(at, at + 256).slice() })
    }
    return known.size > 0 ? 1 : 0
  },
}
