import type { SpaceJson, StoreUsageJson } from '../../wire/api-types.ts'
import { formatBytes } from '../config-setting.ts'
import type { Logger } from '../logger.ts'
import { SpaceTrend } from './space-trend.ts'

export interface SpaceSources {
  /** Free on the file system, for this user. */
  freeBytes(): Promise<number>
  stateUsage(): StoreUsageJson
  /** Monotonic milliseconds. */
  now(): number
}

export interface SpaceWatchOptions {
  readonly node: string
  readonly freeMinBytes: number
  /** Quota of what is used in the state database; 0 = none. */
  readonly stateBytesMax: number
  /** Free disk space when the node started. */
  readonly freeBytes: number
}

/** Early enough to do something about it. `paxos doctor` warns from the same share on. */
const quotaWarnShare = 0.8
/** Growth is taken again only below this: at the quota itself every other write would be refused. */
const quotaReopenShare = 0.95
/** Further away than this is never. */
const horizonMs = 100 * 365 * 24 * 3_600_000
const hourSeconds = 3600

/** How much room there is, how fast it goes, and whether what would grow the data is refused. */
export class SpaceWatch {
  readonly #sources: SpaceSources
  readonly #options: SpaceWatchOptions
  readonly #logger: Pick<Logger, 'warn'>
  readonly #diskTrend = new SpaceTrend()
  readonly #stateTrend = new SpaceTrend()
  #freeBytes: number
  #stateBytes: number
  #isDiskLow: boolean
  #isQuotaReached = false
  #isQuotaNear = false

  constructor(sources: SpaceSources, options: SpaceWatchOptions, logger: Pick<Logger, 'warn'>) {
    this.#sources = sources
    this.#options = options
    this.#logger = logger
    this.#freeBytes = options.freeBytes
    this.#isDiskLow = options.freeBytes < options.freeMinBytes
    this.#stateBytes = sources.stateUsage().usedBytes
    this.#judgeState()
  }

  get freeBytes(): number {
    return this.#freeBytes
  }

  /** Used in the state database, free pages of its file not counted. */
  get stateBytes(): number {
    return this.#stateBytes
  }

  get refusing(): 'disk' | 'quota' | undefined {
    if (this.#isDiskLow) return 'disk'
    return this.#isQuotaReached ? 'quota' : undefined
  }

  /** In words, for who is refused; undefined while there is room. */
  whyRefusing(): string | undefined {
    const { node, stateBytesMax } = this.#options
    const stillDone = 'Reads and deletes are served.'
    switch (this.refusing) {
      case 'disk':
        return `The disk of ${node} is nearly full: writes are refused. Make room on it. ${stillDone}`
      case 'quota':
        return `The data of ${node} has reached its quota, limits.stateBytesMax ${formatBytes(stateBytesMax)}: writes are refused. Delete keys, then run \`paxos log compact\`; or raise the quota. ${stillDone}`
      default:
        return undefined
    }
  }

  /** Bytes of free disk space that go each second, 0 when it does not go down; undefined while that is not known. */
  get diskLossPerSecond(): number | undefined {
    const rise = this.#diskTrend.perSecond()
    return rise === undefined ? undefined : Math.max(0, -rise)
  }

  /** Bytes by which the state grows each second, negative when it shrinks; undefined while that is not known. */
  get stateGrowthPerSecond(): number | undefined {
    return this.#stateTrend.perSecond()
  }

  /** Looks at everything again. Call every few seconds. */
  async look(): Promise<void> {
    this.#freeBytes = await this.#sources.freeBytes()
    this.lookAtState()
    this.#diskTrend.note(this.#sources.now(), this.#freeBytes)
    const isLow = this.#freeBytes < this.#options.freeMinBytes
    if (isLow === this.#isDiskLow) return
    this.#isDiskLow = isLow
    const fields = { freeBytes: this.#freeBytes }
    this.#logger.warn(fields, isLow ? 'the disk is nearly full: refusing writes' : 'taking writes again')
  }

  /** Call when the state database has changed. */
  lookAtState(): void {
    this.#stateBytes = this.#sources.stateUsage().usedBytes
    this.#stateTrend.note(this.#sources.now(), this.#stateBytes)
    this.#judgeState()
  }

  forecast(): Pick<SpaceJson, 'growthBytesPerHour' | 'diskLossBytesPerHour' | 'full' | 'quota' | 'refusing'> {
    const { freeMinBytes, stateBytesMax } = this.#options
    const growth = this.stateGrowthPerSecond
    const loss = this.diskLossPerSecond
    const untilDisk = this.#isDiskLow ? 0 : msUntil(this.#freeBytes - freeMinBytes, loss)
    const quotaLeft = stateBytesMax === 0 ? Number.POSITIVE_INFINITY : stateBytesMax - this.#stateBytes
    const untilQuota = this.#isQuotaReached ? 0 : msUntil(quotaLeft, growth)
    const inMs = Math.min(untilDisk, untilQuota)
    return {
      growthBytesPerHour: growth === undefined ? null : Math.round(growth * hourSeconds),
      diskLossBytesPerHour: loss === undefined ? null : Math.round(loss * hourSeconds),
      full: inMs > horizonMs ? null : { inMs: Math.round(inMs), by: untilDisk <= untilQuota ? 'disk' : 'quota' },
      quota: stateBytesMax === 0 ? null : { maxBytes: stateBytesMax, usedBytes: this.#stateBytes },
      refusing: this.refusing ?? null,
    }
  }

  #judgeState(): void {
    const { stateBytesMax } = this.#options
    if (stateBytesMax === 0) return
    const share = this.#stateBytes / stateBytesMax
    const fields = { usedBytes: this.#stateBytes, stateBytesMax }
    const wasReached = this.#isQuotaReached
    this.#isQuotaReached = share >= (wasReached ? quotaReopenShare : 1)
    if (this.#isQuotaReached !== wasReached) {
      const what = wasReached ? 'taking writes again' : 'the data has reached its quota: refusing writes'
      this.#logger.warn(fields, what)
    }
    const isNear = share >= quotaWarnShare
    if (isNear && !this.#isQuotaNear && !this.#isQuotaReached) this.#logger.warn(fields, 'the data nears its quota')
    this.#isQuotaNear = isNear
  }
}

function msUntil(room: number, perSecond: number | undefined): number {
  if (room <= 0) return 0
  return perSecond === undefined || perSecond <= 0 ? Number.POSITIVE_INFINITY : (room / perSecond) * 1000
}
