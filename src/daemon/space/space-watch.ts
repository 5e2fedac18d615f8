import type { SpaceJson, StoreUsageJson } from '../../wire/api-types.ts'
import { SpaceTrend } from './space-trend.ts'

export interface SpaceSources {
  /** Free on the file system, for this user. */
  freeBytes(): Promise<number>
  stateUsage(): StoreUsageJson
  /** Monotonic milliseconds. */
  now(): number
}

export interface SpaceWatchOptions {
  readonly freeMinBytes: number
  /** Free disk space when the node started. */
  readonly freeBytes: number
}

/** Further away than this is never. */
const horizonMs = 100 * 365 * 24 * 3_600_000
const hourSeconds = 3600

/** How much room there is, and how fast it goes. */
export class SpaceWatch {
  readonly #sources: SpaceSources
  readonly #options: SpaceWatchOptions
  readonly #diskTrend = new SpaceTrend()
  readonly #stateTrend = new SpaceTrend()
  #freeBytes: number

  constructor(sources: SpaceSources, options: SpaceWatchOptions) {
    this.#sources = sources
    this.#options = options
    this.#freeBytes = options.freeBytes
  }

  get freeBytes(): number {
    return this.#freeBytes
  }

  get isDiskLow(): boolean {
    return this.#freeBytes < this.#options.freeMinBytes
  }

  /** Bytes of free disk space that go each second, 0 when it does not go down; undefined while that is not known. */
  get diskLossPerSecond(): number | undefined {
    const rise = this.#diskTrend.perSecond()
    return rise === undefined ? undefined : Math.max(0, -rise)
  }

  /** Looks again. Call every few seconds. */
  async look(): Promise<void> {
    this.#freeBytes = await this.#sources.freeBytes()
    const now = this.#sources.now()
    this.#diskTrend.note(now, this.#freeBytes)
    this.#stateTrend.note(now, this.#sources.stateUsage().usedBytes)
  }

  forecast(): Pick<SpaceJson, 'growthBytesPerHour' | 'diskLossBytesPerHour' | 'full'> {
    const growth = this.#stateTrend.perSecond()
    const loss = this.diskLossPerSecond
    const diskMs = msUntil(this.#freeBytes - this.#options.freeMinBytes, loss)
    return {
      growthBytesPerHour: growth === undefined ? null : Math.round(growth * hourSeconds),
      diskLossBytesPerHour: loss === undefined ? null : Math.round(loss * hourSeconds),
      full: diskMs > horizonMs ? null : { inMs: Math.round(diskMs), by: 'disk' },
    }
  }
}

function msUntil(room: number, perSecond: number | undefined): number {
  if (room <= 0) return 0
  return perSecond === undefined || perSecond <= 0 ? Number.POSITIVE_INFINITY : (room / perSecond) * 1000
}
