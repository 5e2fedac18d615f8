import type { Figure } from './figure.ts'

export interface BenchOptions {
  readonly rounds: number
  /** Of one measurement. */
  readonly seconds: number
  readonly soakMinutes: number
  readonly manyKeys: number
  readonly stateMiB: number
}

/** What a section works with. */
export interface Bench extends BenchOptions {
  /** Where data goes; on the disk that is measured, one directory for everybody. */
  readonly directory: string
  /** False: there is no etcd here, or no h2load to drive it. */
  readonly hasEtcd: boolean
  readonly hasH2load: boolean
  say(text: string): void
  /** A figure of an earlier section of this run. */
  figure(id: string): Figure | undefined
}

export interface Section {
  readonly name: string
  readonly summary: string
  /** Takes many minutes: only with --long, or by name. */
  readonly isLong?: boolean
  run(bench: Bench): Promise<readonly Figure[]>
}
