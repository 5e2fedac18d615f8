import { Random } from '../../src/base/random.ts'
import { KeySpace } from '../../src/cli/bench/key-space.ts'
import { preload } from '../../src/cli/bench/keys.ts'
import { Load } from '../../src/cli/bench/load.ts'
import { StreamTarget } from '../../src/cli/bench/stream-target.ts'
import { operations } from '../../src/cli/bench/workload.ts'
import { PaxosClient } from '../../src/client/client.ts'

const timeoutMs = 60_000

export function keySpace(keys: number): KeySpace {
  return new KeySpace({ prefix: 'bench/', keys, keyBytes: 32, distribution: 'uniform', random: new Random(1) })
}

/** Puts every key once. */
export async function fill(endpoints: readonly string[], space: KeySpace, valueBytes: number): Promise<void> {
  const client = new PaxosClient({ endpoints, timeoutMs })
  try {
    await preload(client, space, Buffer.alloc(valueBytes, 'v'), new AbortController().signal, false)
  } finally {
    await client.close()
  }
}

export interface OwnLoadOptions {
  readonly space: KeySpace
  readonly seconds: number
  readonly inFlight: number
  readonly rate?: number | undefined
  /** Ends it early. */
  readonly signal?: AbortSignal
}

/** Puts through the client stream, from this process, to keys that stay. The load can be watched while it runs. */
export function startPuts(endpoints: readonly string[], options: OwnLoadOptions): { load: Load; done: Promise<void> } {
  const { space, seconds, inFlight, rate, signal } = options
  const value = Buffer.alloc(256, 'v')
  const target = new StreamTarget({ endpoints, followLeader: true, inFlight, timeoutMs, value, isStale: false })
  const load = new Load({
    targets: [target],
    inFlight,
    rate,
    warmUpMs: 1000,
    durationMs: seconds * 1000,
    signal: signal ?? new AbortController().signal,
    next: operations('put', space, 0, new Random(2)),
  })
  return { load, done: load.run().finally(() => target.close()) }
}

export async function putsPerSecond(endpoints: readonly string[], options: OwnLoadOptions): Promise<number> {
  const { load, done } = startPuts(endpoints, options)
  await done
  return load.done / load.seconds
}
