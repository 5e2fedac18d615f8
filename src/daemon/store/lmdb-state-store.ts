/**
 * The machine's data in an LMDB file of its own. What is readable is durable, apart from the commit in flight, which
 * `view` shows at once: the machine goes on from it, and it cannot fail without ending the node.
 */
import { readdirSync, rmSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { assert } from '../../base/assert.ts'
import { PaxosError } from '../../base/error.ts'
import { compareStrings, lowerBound } from '../../base/order.ts'
import type { ReadView } from '../../machine/view.ts'
import type { Slot } from '../../protocol/ids.ts'
import type { Done, StateInstall, StateSnapshot, StateStore } from '../../runtime/ports.ts'
import type { StoreUsageJson } from '../../wire/api-types.ts'
import { syncDirectory } from './durable-file.ts'
import { type Environment, openEnvironment, removeUnborn } from './environment.ts'
import type { FailStop } from './fail-stop.ts'
import { encodeRecord } from './record.ts'
import { type InstallOwner, isInstallFile, LmdbStateInstall } from './state-install.ts'
import { LmdbStateSnapshot } from './state-snapshot.ts'
import {
  readState,
  readStateRange,
  readStateSizes,
  type SizesWanted,
  type StateSizes,
  stateKeyBytesMax,
  statePageSize,
  writeStateKey,
} from './state-tree.ts'
import { usageOf } from './store-usage.ts'

export const stateFile = 'state.mdb'

export interface StateStoreOptions {
  readonly directory: string
  readonly failStop: FailStop
  /** A snapshot that nobody reads from for so long is closed. */
  readonly snapshotIdleMs: number
}

type Changes = ReadonlyMap<string, Uint8Array | null>

export class LmdbStateStore implements StateStore {
  readonly view: ReadView = {
    get: (key) => this.#get(key),
    range: (start, end) => this.#range(start, end),
  }
  readonly #options: StateStoreOptions
  readonly #snapshots = new Set<StateSnapshot>()
  /** All keys of a commit share it: LMDB copies a key before `put` returns. */
  readonly #key = Buffer.allocUnsafe(stateKeyBytesMax)
  #environment: Environment
  #committing: { readonly changes: Changes; readonly settled: Promise<unknown>; keys: string[] | undefined } | undefined
  readonly #installs = new Set<LmdbStateInstall>()
  #installNumber = 0
  #swapping = false
  #oldClosed: Promise<unknown> = Promise.resolve()

  constructor(options: StateStoreOptions) {
    this.#options = options
    for (const name of readdirSync(options.directory)) {
      if (isInstallFile(name)) rmSync(join(options.directory, name))
    }
    const path = join(options.directory, stateFile)
    removeUnborn(path, statePageSize)
    this.#environment = openEnvironment(path, { pageSize: statePageSize, readOnly: false })
  }

  commit(changes: Changes, done: Done): void {
    assert(this.#committing === undefined, 'two state commits in flight')
    assert(!this.#swapping, 'a state commit while a snapshot is put in place')
    if (this.#options.failStop.failed) {
      this.#options.failStop.refuse(done)
      return
    }
    let settled: Promise<unknown> = Promise.resolve()
    for (const [name, value] of changes) {
      const key = writeStateKey(name, this.#key)
      const queued =
        value === null ? this.#environment.remove(key) : this.#environment.put(key, encodeRecord(key, value))
      if (queued === settled) continue
      // A large turn has more than one promise for its one transaction; only the last is tracked.
      queued.catch(() => {})
      settled = queued
    }
    this.#committing = { changes, settled, keys: undefined }
    this.#options.failStop.track(stateFile, settled, (error) => {
      if (error === undefined) this.#committing = undefined
      done(error)
    })
  }

  usage(): StoreUsageJson {
    return usageOf(this.#environment)
  }

  /** Of the records of the last commit. */
  sizes(wanted: SizesWanted): StateSizes {
    return readStateSizes(this.#environment, wanted)
  }

  /** Of the last durable commit: `appliedUpTo` is a lower bound when one more has become durable just now. */
  snapshot(appliedUpTo: Slot): StateSnapshot {
    const snapshot: StateSnapshot = new LmdbStateSnapshot(
      this.#environment,
      appliedUpTo,
      this.#options.snapshotIdleMs,
      () => this.#snapshots.delete(snapshot),
    )
    this.#snapshots.add(snapshot)
    return snapshot
  }

  install(): StateInstall {
    const { directory, failStop } = this.#options
    const owner: InstallOwner = {
      directory,
      failStop,
      swap: (environment, path) => this.#swap(environment, path),
      over: (done) => this.#installs.delete(done),
    }
    const install = new LmdbStateInstall(owner, ++this.#installNumber)
    this.#installs.add(install)
    return install
  }

  /** Waits for what is in flight. A failed environment stays open: closing it could wait for ever. */
  async close(): Promise<void> {
    for (const snapshot of this.#snapshots) snapshot.close()
    await this.#committing?.settled.catch(() => {})
    if (this.#options.failStop.failed) return
    for (const install of this.#installs) await install.discard()
    await this.#oldClosed
    await this.#environment.close()
  }

  async #swap(received: Environment, path: string): Promise<void> {
    this.#swapping = true
    // A commit that is still on its way goes with the old data, but first it must settle.
    await this.#committing?.settled
    const { directory } = this.#options
    await rename(path, join(directory, stateFile))
    await syncDirectory(directory)
    // Nobody opens the file by its old name again; the lock lives on in the open environment.
    await rm(`${path}-lock`, { force: true })
    const old = this.#environment
    for (const snapshot of this.#snapshots) snapshot.close()
    this.#environment = received
    this.#swapping = false
    this.#oldClosed = old.close()
  }

  #get(key: string): Uint8Array | undefined {
    const changed = this.#committing?.changes.get(key)
    if (changed !== undefined) return changed ?? undefined
    return this.#reading(() => readState(this.#environment, key))
  }

  /** To be consumed within one turn. */
  *#range(start: string, end: string | undefined): Generator<readonly [string, Uint8Array]> {
    const changes: Changes = this.#committing?.changes ?? new Map()
    const keys = this.#committingKeys()
    let at = lowerBound(keys, start, compareStrings)
    const stored = readStateRange(this.#environment, start, end)
    for (;;) {
      const next = this.#reading(() => stored.next())
      const limit = next.done === true ? end : next.value[0]
      for (let key = keys[at]; key !== undefined && (limit === undefined || key < limit); key = keys[++at]) {
        const value = changes.get(key)
        if (value !== undefined && value !== null) yield [key, value]
      }
      if (next.done === true) return
      // A stored key that the commit in flight changes comes from the commit.
      const changed = changes.get(next.value[0])
      if (changed === undefined) {
        yield next.value
      } else {
        at++
        if (changed !== null) yield [next.value[0], changed]
      }
    }
  }

  #committingKeys(): readonly string[] {
    const committing = this.#committing
    if (committing === undefined) return []
    committing.keys ??= [...committing.changes.keys()].sort(compareStrings)
    return committing.keys
  }

  /** A damaged record ends the node: a machine that answered without it would differ from the others. */
  #reading<T>(read: () => T): T {
    try {
      return read()
    } catch (error) {
      if (error instanceof PaxosError && error.code === 'STORE_FAILED') this.#options.failStop.fail(error)
      throw error
    }
  }
}
