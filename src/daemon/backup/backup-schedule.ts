/**
 * Backups that a node makes by itself, into a directory of its own choice, the oldest removed once there are enough.
 *
 * What there is follows from the directory alone, so a restart changes nothing: the time of a backup is in its name,
 * together with node and cluster. Others' files are never touched, nor those of the cluster that this one was restored from.
 */
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { PaxosError } from '../../base/error.ts'
import { compareStrings } from '../../base/order.ts'
import type { StateSnapshot } from '../../runtime/ports.ts'
import type { ReplicaService } from '../../runtime/replica-service.ts'
import type { BackupOrigin } from '../../wire/backup-manifest.ts'
import { makeDirectory } from '../store/durable-file.ts'
import { backupFrames } from './backup-writer.ts'
import { PartialFile, removeLeftovers } from './partial-file.ts'
import { takeSnapshot } from './take-snapshot.ts'

export interface BackupScheduleOptions {
  readonly directory: string
  readonly everyMs: number
  readonly keep: number
  readonly chunkBytes: number
  readonly replica: ReplicaService
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
}

/** After a failure it is tried again sooner than at the next time that is due. */
const retryMs = 60_000
const snapshotTimeoutMs = 10_000

export class BackupSchedule {
  readonly #options: BackupScheduleOptions
  #newestAt: number | undefined
  #failures = 0
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> = Promise.resolve()
  #isStopped = false

  constructor(options: BackupScheduleOptions) {
    this.#options = options
  }

  start(): void {
    this.#running = this.#look().then(() => this.#wait(this.#dueInMs()))
  }

  metrics(): BackupMetrics {
    const newestAt = this.#newestAt
    const ageMs = newestAt === undefined ? undefined : Math.max(0, this.#options.now() - newestAt)
    return { ageMs, failures: this.#failures }
  }

  /** A backup that is being made is given up. */
  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#timer)
    await this.#running
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
    const { directory, everyMs, logger, replica, now } = this.#options
    try {
      await makeDirectory(directory)
      // Each backup has a name of its own: what a killed node left would stay for ever.
      removeLeftovers(directory, (name) => this.#isOurs(name))
      const snapshot = await snapshotOf(replica)
      try {
        const madeAt = now()
        const file = join(directory, `${prefixOf(this.#options)}${stampOf(madeAt)}.paxos`)
        if (!(await this.#write(file, snapshot, madeAt))) return
        logger.info({ file }, 'a backup was made')
      } finally {
        snapshot.close()
      }
    } catch (err) {
      if (this.#isStopped) return
      this.#failures++
      logger.warn({ err, directory }, 'a backup could not be made')
      this.#wait(Math.min(retryMs, everyMs))
      return
    }
    await this.#removeOldest()
    this.#wait(this.#dueInMs())
  }

  /** False when the node stops meanwhile. */
  async #write(path: string, snapshot: StateSnapshot, madeAt: number): Promise<boolean> {
    const { chunkBytes, origin, replica } = this.#options
    const { group, epoch } = replica.status()
    const place = { ...origin, group, epoch: epoch.number, consistency: 'linearizable' } as const
    const file = await PartialFile.create(path)
    try {
      const createdAt = new Date(madeAt).toISOString()
      for await (const frame of backupFrames(snapshot, { ...place, createdAt }, chunkBytes)) {
        if (this.#isStopped) return false
        await file.write(frame)
      }
      await file.finish()
      this.#newestAt = madeAt
      return true
    } finally {
      await file.discard()
    }
  }

  async #removeOldest(): Promise<void> {
    const { directory, keep, logger } = this.#options
    for (const name of (await this.#names()).slice(0, -keep)) {
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
    const newest = (await this.#names()).at(-1)
    if (newest !== undefined) this.#newestAt = timeOf(this.#rest(newest))
  }

  /** Oldest first. A directory that is not there yet is empty. */
  async #names(): Promise<readonly string[]> {
    const names = await readdir(this.#options.directory).catch((): string[] => [])
    return names.filter((name) => this.#isOurs(name)).sort(compareStrings)
  }

  #isOurs(name: string): boolean {
    return stamped.test(this.#rest(name))
  }

  /** Of a name, without what all of ours begin with. */
  #rest(name: string): string {
    const prefix = prefixOf(this.#options)
    return name.startsWith(prefix) ? name.slice(prefix.length) : ''
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

function prefixOf({ origin }: BackupScheduleOptions): string {
  return `${origin.node}-${origin.clusterId.slice(0, 8)}-`
}

/** `20261125T224700123Z`: sorts by time, and fits any file system. */
function stampOf(ms: number): string {
  return new Date(ms).toISOString().replaceAll(/[-:.]/g, '')
}

const stamped = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z\.paxos$/

function timeOf(name: string): number {
  return Date.parse(name.replace(stamped, '$1-$2-$3T$4:$5:$6.$7Z'))
}
