import { PaxosError } from '../../base/error.ts'
import type { ReclaimJson } from '../../wire/api-types.ts'
import type { Logger } from '../logger.ts'
import type { LmdbStateStore } from '../store/lmdb-state-store.ts'

export interface ReclaimSources {
  readonly node: string
  readonly store: Pick<LmdbStateStore, 'reclaim' | 'usage'>
  /** Free on the file system, for this user. */
  freeBytes(): Promise<number>
  readonly freeMinBytes: number
  readonly logger: Pick<Logger, 'info' | 'warn'>
  now(): number
}

/** Half of the time, at most, is left to it: a node that copies goes on serving. */
const sliceMs = 4
const sliceBytes = 256 * 1024

/** Puts a packed copy in place of the state database, one at a time, and says how it goes. */
export class SpaceReclaim {
  readonly #sources: ReclaimSources
  #status: ReclaimJson
  #isRunning = false

  constructor(sources: ReclaimSources) {
    this.#sources = sources
    const nothing = { beforeBytes: null, afterBytes: null, copiedBytes: 0, totalBytes: 0, tookMs: null, error: null }
    this.#status = { node: sources.node, state: 'idle', ...nothing }
  }

  get status(): ReclaimJson {
    return this.#status
  }

  /** Begins, unless it goes on already; `status` tells the rest. Rejects with PaxosError NO_SPACE, having begun nothing. */
  async start(): Promise<void> {
    if (this.#isRunning) return
    this.#isRunning = true
    const { store, now } = this.#sources
    const { bytes, usedBytes } = store.usage()
    await this.#checkRoom(usedBytes).catch((error: unknown) => {
      this.#isRunning = false
      throw error
    })
    const startedAt = now()
    const beforeBytes = bytes
    const node = this.#sources.node
    const running = { node, beforeBytes, afterBytes: null, totalBytes: usedBytes, tookMs: null, error: null }
    this.#status = { ...running, state: 'running', copiedBytes: 0 }
    const copied = store.reclaim({
      sliceBytes,
      sliceMs,
      check: () => this.#checkRoom(0),
      onProgress: (copiedBytes) => {
        this.#status = { ...running, state: 'running', copiedBytes }
      },
    })
    copied.then(
      () => this.#end('done', now() - startedAt, null),
      (error: unknown) => this.#end('failed', now() - startedAt, error),
    )
  }

  #end(state: 'done' | 'failed', tookMs: number, error: unknown): void {
    const { logger, store } = this.#sources
    this.#isRunning = false
    const isKnown = error instanceof PaxosError
    this.#status = {
      ...this.#status,
      state,
      tookMs: Math.round(tookMs),
      afterBytes: state === 'done' ? store.usage().bytes : null,
      error:
        state === 'done'
          ? null
          : { code: isKnown ? error.code : 'INTERNAL', message: String(isKnown ? error.message : error) },
    }
    const { beforeBytes, afterBytes } = this.#status
    if (state === 'done')
      logger.info({ beforeBytes, afterBytes, ms: this.#status.tookMs }, 'state.mdb was replaced by a packed copy')
    else logger.warn({ err: error }, 'state.mdb stays as it is: the copy was given up')
  }

  /** The old file goes only when the copy is whole. */
  async #checkRoom(moreBytes: number): Promise<void> {
    const { freeMinBytes, node } = this.#sources
    const free = await this.#sources.freeBytes()
    const wanted = moreBytes + freeMinBytes
    if (free >= wanted) return
    throw new PaxosError(
      'NO_SPACE',
      `The disk of ${node} has no room for a copy: ${free} bytes are free, and ${wanted} are wanted`,
      { hint: 'Make room on the disk, or compact and delete first: the copy is as large as what is used.' },
    )
  }
}
