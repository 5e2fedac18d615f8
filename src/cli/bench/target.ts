import type { Operation } from './workload.ts'

/** One client of the cluster, under load. */
export interface Target {
  /** Rejects with a PaxosError. */
  run(operation: Operation): Promise<void>
  close(): Promise<void>
}

export interface TargetOptions {
  readonly endpoints: readonly string[]
  /** Go to the leader, wherever it is; otherwise to the endpoints as given. */
  readonly followLeader: boolean
  readonly inFlight: number
  readonly timeoutMs: number
  readonly value: Uint8Array
  readonly isStale: boolean
}
