/**
 * Backups that a node makes by itself, into a directory of its own choice, the oldest removed once there are enough.
 *
 * What there is follows from the directory alone, so a restart changes nothing: the time of a backup is in its name,
 * together with node and cluster. Others' files are never touched, nor those of the cluster that this one was restored from.
 *
 * An increment that cannot be made, since its base is gone, or the log does not reach back to it or is damaged, becomes a full
 * backup.
 */
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { PaxosError } from '../../base/error.ts'
import type { Meta } from '../../machine/records.ts'
import type { StateSnapshot } from '../../runtime/ports.ts'
import type { ReplicaService } from '../../runtime/replica-service.ts'
import type { BackupOrigin } from '../../wire/backup-manifest.ts'
import type { FileManifest, IncrementStart } from '../../wire/increment-manifest.ts'
import { makeDirectory } from '../store/durable-file.ts'
import { backupEnd } from './backup-end.ts'
import { backupId } from './backup-id.ts'
import { backupFrames } from './backup-writer.ts'
import { ChosenLog, type KeptLog } from './chosen-log.ts'
import { incrementFrames } from './increment-writer.ts'
import { incrementsSinceFull, type OwnBackup, OwnBackups, superfluous } from './own-backups.ts'
import { removeLeftovers } from './partial-file.ts'
import { planIncrement } from './plan-increment.ts'
import { snapshotMeta } from './snapshot-meta.ts'
import { takeSnapshot } from './take-snapshot.ts'
import { writeFrames } from './write-frames.ts'

export interface BackupScheduleOptions {
  readonly directory: string
  readonly everyMs: number
  readonly keep: number
  /** Every so many are full. */
  readonly fullEvery: number
  readonly chunkBytes: number
  readonly replica: ReplicaService
  readonly keptLog: KeptLog
  /** Instead of five seconds. */
  readonly stopWaitMs?: number
  readonly origin: Pick<BackupOrigin, 'program' | 'clusterId' | 'node'>
  readonly logger: {
    info(fields: object, message: string): void
    warn(fields: object, message: string): void
  }
  /** Wall clock in milliseconds since 1970. */
  now(): number
}

export interface BackupMetrics {
  /** Of the newest backup that is there; undefined when there is none. */
  readonly ageMs: number | undefined
  readonly failures: number
  /** Why none could be made since the newest; undefined when the last try succeeded, or none was made. */
  readonly lastFailure: string | undefined
}

interface NewestEnd {
  readonly name: string
  readonly start: IncrementStart
}

/** After a failure it is tried again sooner than at the next time that is due. */
const retryMs = 60_000
const snapshotTimeoutMs = 10_000
const stopWaitMs = 5000
/**
 * The log does not reach from the base to here, or a record of it is damaged: an increment will not be made by trying again.
 * A full backup reads the machine's data only.
 */
const hopeless: ReadonlySet<string> = new Set(['COMPACTED', 'PRECONDITION_FAILED', 'STORE_FAILED'])

export class BackupSchedule {
  readonly #options: BackupScheduleOptions
  #newestAt: number | undefined
  #failures = 0
  #lastFailure: string | undefined
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> = Promise.resolve()
  #isStopped = false
  readonly #own: OwnBackups
  /** Where the newest one ends, if this run has made it. */
  #end: NewestEnd | undefined

  constructor(options: BackupScheduleOptions) {
    this.#options = options
    this.#own = new OwnBackups(options.origin.node, options.origin.clusterId)
  }

  start(): void {
    this.#running = this.#look().then(() => this.#wait(this.#dueInMs()))
  }

  metrics(): BackupMetrics {
    const newestAt = this.#newestAt
    const ageMs = newestAt === undefined ? undefined : Math.max(0, this.#options.now() - newestAt)
    return { ageMs, failures: this.#failures, lastFailure: this.#lastFailure }
  }

  /** A backup that is being made is given up. One whose disk hangs is not waited for: the next run removes what it left. */
  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#timer)
    const late = pause(this.#options.stopWaitMs ?? stopWaitMs, true, { ref: false })
    if ((await Promise.race([this.#running, late])) !== true) return
    const { directory, logger } = this.#options
    logger.warn({ directory }, 'a backup is not waited for any more: the process ends when its disk answers')
  }

  #wait(ms: number): void {
    if (this.#isStopped) return
    this.#timer = setTimeout(() => {
      this.#running = this.#make()
    }, ms)
    this.#timer.unref()
  }

  #dueInMs(): number {
    const { everyMs, now } = this.#options
    // A clock that was set back must not put it off for longer than usual.
    return this.#newestAt === undefined ? 0 : Math.min(everyMs, Math.max(0, this.#newestAt + everyMs - now()))
  }

  async #make(): Promise<void> {
    const { directory, everyMs, logger, now } = this.#options
    try {
      await makeDirectory(directory)
      // Each backup has a name of its own: what a killed node left would stay for ever.
      removeLeftovers(directory, (name) => this.#own.parse(name) !== undefined)
      // Names sort in the order in which one goes on from another, whatever the clock does.
      const madeAt = Math.max(now(), (this.#newestAt ?? 0) + 1)
      const end = await this.#makeOne(madeAt)
      // The node stops.
      if (end === undefined) return
      this.#end = end
      this.#newestAt = madeAt
      this.#lastFailure = undefined
      logger.info({ file: join(directory, end.name) }, 'a backup was made')
    } catch (err) {
      if (this.#isStopped) return
      this.#failures++
      this.#lastFailure = err instanceof Error ? err.message : String(err)
      logger.warn({ err, directory }, 'a backup could not be made')
      this.#wait(Math.min(retryMs, everyMs))
      return
    }
    await this.#removeOldest()
    this.#wait(this.#dueInMs())
  }

  async #makeOne(madeAt: number): Promise<NewestEnd | undefined> {
    const { directory, logger } = this.#options
    const start = await this.#startOfIncrement()
    if (start === undefined) return await this.#writeFull(madeAt)
    try {
      return await this.#writeIncrement(madeAt, start)
    } catch (err) {
      if (!(err instanceof PaxosError && hopeless.has(err.code))) throw err
      logger.warn({ err, directory }, 'an increment cannot be made: a full backup is')
      return await this.#writeFull(madeAt)
    }
  }

  /** Undefined when a full backup is due, or nothing can be continued. */
  async #startOfIncrement(): Promise<IncrementStart | undefined> {
    const { directory, fullEvery, logger } = this.#options
    const backups = await this.#backups()
    const last = backups.at(-1)
    const increments = incrementsSinceFull(backups)
    if (last === undefined || increments === undefined || increments + 1 >= fullEvery) return undefined
    if (this.#end?.name === last.name) return this.#end.start
    try {
      return (await backupEnd(join(directory, last.name))).start
    } catch (err) {
      logger.warn({ err, directory }, 'the last backup cannot be continued: a full one is made')
      return undefined
    }
  }

  async #writeFull(madeAt: number): Promise<NewestEnd | undefined> {
    const snapshot = await snapshotOf(this.#options.replica)
    try {
      const frames = backupFrames(snapshot, this.#origin(madeAt), this.#options.chunkBytes)
      return await this.#write(this.#own.nameOf(madeAt, false), frames, snapshotMeta(snapshot))
    } finally {
      snapshot.close()
    }
  }

  async #writeIncrement(madeAt: number, start: IncrementStart): Promise<NewestEnd | undefined> {
    const { replica, keptLog, chunkBytes } = this.#options
    const snapshot = await snapshotOf(replica)
    const meta = snapshotMeta(snapshot)
    snapshot.close()
    const log = new ChosenLog(replica, keptLog)
    const frames = incrementFrames(log, this.#origin(madeAt), start, planIncrement(log, start, meta), chunkBytes)
    return await this.#write(this.#own.nameOf(madeAt, true), frames, meta)
  }

  async #write(
    name: string,
    frames: AsyncGenerator<Uint8Array, FileManifest, undefined>,
    { chain }: Meta,
  ): Promise<NewestEnd | undefined> {
    const manifest = await writeFrames(join(this.#options.directory, name), frames, () => this.#isStopped)
    if (manifest === undefined) return undefined
    const chainBefore = Buffer.from(chain).toString('hex')
    return { name, start: { base: backupId(manifest), from: manifest.applied, chainBefore } }
  }

  #origin(madeAt: number): Omit<BackupOrigin, 'format'> {
    const { origin, replica } = this.#options
    const { group, epoch } = replica.status()
    const createdAt = new Date(madeAt).toISOString()
    return { ...origin, group, epoch: epoch.number, consistency: 'linearizable', createdAt }
  }

  async #removeOldest(): Promise<void> {
    const { directory, keep, logger } = this.#options
    for (const { name } of superfluous(await this.#backups(), keep)) {
      const file = join(directory, name)
      try {
        await rm(file, { force: true })
        logger.info({ file }, 'the oldest backup was removed')
      } catch (err) {
        // The new one is made; it must not be made again every minute.
        logger.warn({ err, file }, 'an old backup could not be removed')
      }
    }
  }

  async #look(): Promise<void> {
    this.#newestAt = (await this.#backups()).at(-1)?.madeAt
  }

  /** Oldest first. A directory that is not there yet is empty. */
  async #backups(): Promise<readonly OwnBackup[]> {
    return this.#own.among(await readdir(this.#options.directory).catch((): string[] => []))
  }
}

function snapshotOf(replica: ReplicaService): Promise<StateSnapshot> {
  return new Promise((resolve, reject) => {
    takeSnapshot(replica, 'linearizable', snapshotTimeoutMs, (outcome) => {
      if (outcome.kind === 'taken') resolve(outcome.snapshot)
      else reject(new PaxosError(outcome.code, outcome.message))
    })
  })
}
