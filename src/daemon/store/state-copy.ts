import { rm } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { toBinary } from '../../base/bytes.ts'
import { PaxosError } from '../../base/error.ts'
import { keyAfter } from '../../base/order.ts'
import { type Environment, openEnvironment, reasonOf } from './environment.ts'
import { encodeRecord } from './record.ts'
import { statePageSize, toStateKey } from './state-tree.ts'
import { unfinishedFile } from './unfinished-file.ts'

type Changes = ReadonlyMap<string, Uint8Array | null>

export interface CopyPace {
  /** Read and written at a time. */
  readonly sliceBytes: number
  /** How long the node may do nothing else. It then does other things for as long. */
  readonly sliceMs: number
  /** Rejects when the copy is to be given up. Asked before the node goes on with it. */
  check(): Promise<void>
  onProgress(copiedBytes: number): void
}

/** So much is made durable at a time. */
const stepBytes = 4 * 1024 * 1024
/** A file system that fails may never let go of the file. */
const closeWaitMs = 1000

/**
 * A second file with all records of the state database, made while it serves: packed, so without the free pages of the first.
 *
 * No transaction is kept open. The copy goes through the keys in order, and what is committed meanwhile is told to `note`: a
 * key that was passed is changed in the copy as well, and one that is still to come is met as it is then. A commit that a slice
 * may have seen or not is noted after the slice, so the copy ends with what was committed last.
 */
export class StateCopy {
  readonly path: string
  readonly environment: Environment
  #last: Promise<unknown> = Promise.resolve()
  /** Keys up to it are in the copy; undefined before the first. */
  #cursor: string | undefined
  #isComplete = false
  #failure: PaxosError | undefined

  /** `number` must never come again while the process lives: LMDB would share the lock file of the earlier copy. */
  constructor(directory: string, number: number) {
    this.path = unfinishedFile(directory, 'copy', number)
    this.environment = openEnvironment(this.path, { pageSize: statePageSize, readOnly: false })
  }

  /** Copies everything. Rejects with PaxosError when it fails or is given up; then it must be discarded. */
  async run(source: Environment, { sliceBytes, sliceMs, check, onProgress }: CopyPace): Promise<void> {
    let copied = 0
    let step = 0
    let sliceEnd = performance.now() + sliceMs
    await check()
    while (!this.#isComplete) {
      this.#throwFailure()
      const bytes = this.#slice(source, sliceBytes)
      copied += bytes
      step += bytes
      onProgress(copied)
      if (step >= stepBytes) {
        step = 0
        await this.settled()
      }
      if (performance.now() < sliceEnd) continue
      await pause(sliceMs)
      await check()
      sliceEnd = performance.now() + sliceMs
    }
    await this.settled()
  }

  /** A commit of the state database has become durable. */
  note(changes: Changes): void {
    if (this.#failure !== undefined) return
    for (const [name, value] of changes) {
      if (!this.#isComplete && (this.#cursor === undefined || name > this.#cursor)) continue
      const key = toStateKey(name)
      this.#queued(value === null ? this.environment.remove(key) : this.environment.put(key, encodeRecord(key, value)))
    }
  }

  /** Resolves when everything that was copied and noted is durable. Rejects with PaxosError. */
  async settled(): Promise<void> {
    await this.#last.catch(() => {})
    this.#throwFailure()
  }

  /** Nothing more is copied; `run` rejects with it. */
  giveUp(failure: PaxosError): void {
    this.#failure ??= failure
  }

  /** Resolves when the file is gone. */
  async discard(): Promise<void> {
    this.giveUp(new PaxosError('STOPPING', 'The copy was given up'))
    await Promise.race([this.#last.catch(() => {}).then(() => this.environment.close()), pause(closeWaitMs)])
    await rm(this.path, { force: true })
    await rm(`${this.path}-lock`, { force: true })
  }

  /** Records as they are, checksums and all: a damaged one is noticed by whoever reads it, as before. */
  #slice(source: Environment, bytesMax: number): number {
    let bytes = 0
    // The default read transaction may be older than the last commit.
    source.resetReadTxn()
    const start = this.#cursor === undefined ? {} : { start: Buffer.from(keyAfter(this.#cursor), 'latin1') }
    for (const { key, value } of source.getRange(start)) {
      this.#queued(this.environment.put(key, value))
      this.#cursor = toBinary(key)
      bytes += key.length + value.length
      if (bytes >= bytesMax) return bytes
    }
    this.#isComplete = true
    return bytes
  }

  /** A large turn has more than one promise for its one transaction; only the last is waited for. */
  #queued(settled: Promise<unknown>): void {
    if (settled === this.#last) return
    this.#last = settled
    settled.catch((error: unknown) => {
      const cause = error instanceof Error && 'commitError' in error ? error.commitError : error
      // Unhandled, this promise would end the process.
      Promise.resolve(cause).catch(() => {})
      this.giveUp(new PaxosError('STORE_FAILED', `Cannot write ${this.path}: ${reasonOf(error)}`, { cause: error }))
    })
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure
  }
}
