/**
 * The machine's data in an LMDB file of its own. What is readable is durable, apart from the commit in flight, which
 * `view` shows at once: the machine goes on from it, and it cannot fail without ending the node.
 */
import { readdirSync, rmSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
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
import { RecordSlab } from './record.ts'
import { settled } from './settled.ts'
import { type CopyPace, StateCopy } from './state-copy.ts'
import { type InstallOwner, LmdbStateInstall } from './state-install.ts'
import { LmdbStateSnapshot } from './state-snapshot.ts'
import {
  readState,
  readStateRange,
  readStateSizes,
  type SizesWanted,
  type StateSizes,
  stateDamagedHint,
  stateKeyBytesMax,
  statePageSize,
  writeStateKey,
} from './state-tree.ts'
import { usageOf } from './store-usage.ts'
import { isUnfinishedFile } from './unfinished-file.ts'

export const stateFile = 'state.mdb'

/** A disk that fails may never let go of a copy. */
const reclaimWaitMs = 2000
const unreadPollMs = 100

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
  /** The file was there, and nothing had been written into it yet: it was made anew. */
  readonly wasUnborn: boolean
  readonly #options: StateStoreOptions
  /** Of `#environment`, and of those that were replaced by a copy and are still read from. */
  #snapshots = new Set<StateSnapshot>()
  readonly #retired = new Set<ReadonlySet<StateSnapshot>>()
  /** All keys of a commit share it: LMDB copies a key before `put` returns. */
  readonly #key = Buffer.allocUnsafe(stateKeyBytesMax)
  readonly #slab = new RecordSlab()
  #environment: Environment
  #committing: { readonly changes: Changes; readonly settled: Promise<unknown>; keys: string[] | undefined } | undefined
  readonly #installs = new Set<LmdbStateInstall>()
  #installNumber = 0
  #swapping = false
  #copy: StateCopy | undefined
  /** While a copy is put in place; commits wait for it. Never rejects. */
  #copySwapped: Promise<unknown> | undefined
  /** Never rejects. */
  #reclaimed: Promise<unknown> = Promise.resolve()
  #oldClosed: Promise<unknown> = Promise.resolve()

  constructor(options: StateStoreOptions) {
    this.#options = options
    for (const name of readdirSync(options.directory)) {
      if (isUnfinishedFile(name)) rmSync(join(options.directory, name))
    }
    const path = join(options.directory, stateFile)
    this.wasUnborn = removeUnborn(path, statePageSize)
    const settings = { pageSize: statePageSize, readOnly: false, damagedHint: stateDamagedHint } as const
    this.#environment = openEnvironment(path, settings)
  }

  commit(changes: Changes, done: Done): void {
    assert(this.#committing === undefined, 'two state commits in flight')
    assert(!this.#swapping, 'a state commit while a snapshot is put in place')
    if (this.#options.failStop.failed) {
      this.#options.failStop.refuse(done)
      return
    }
    const held = this.#copySwapped
    const settled = held === undefined ? this.#write(changes) : held.then(() => this.#write(changes))
    this.#committing = { changes, settled, keys: undefined }
    this.#options.failStop.track(stateFile, settled, (error) => {
      if (error === undefined) {
        this.#committing = undefined
        this.#copy?.note(changes)
      }
      done(error)
    })
  }

  #write(changes: Changes): Promise<unknown> {
    let settled: Promise<unknown> = Promise.resolve()
    // Those of the commit before are with LMDB: there is one at a time.
    this.#slab.begin(changes.values())
    for (const [name, value] of changes) {
      const key = writeStateKey(name, this.#key)
      const queued =
        value === null ? this.#environment.remove(key) : this.#environment.put(key, this.#slab.encode(key, value))
      if (queued === settled) continue
      // A large turn has more than one promise for its one transaction; only the last is tracked.
      queued.catch(() => {})
      settled = queued
    }
    return settled
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
    const snapshots = this.#snapshots
    const snapshot: StateSnapshot = new LmdbStateSnapshot(
      this.#environment,
      appliedUpTo,
      this.#options.snapshotIdleMs,
      () => snapshots.delete(snapshot),
    )
    snapshots.add(snapshot)
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

  /**
   * Puts a packed copy of the file in place of it, while it serves. Rejects with PaxosError, and then the file is as it was:
   * OVERLOADED when that cannot be done now, or what `pace` rejects with.
   */
  async reclaim(pace: CopyPace): Promise<void> {
    if (this.#copy !== undefined || this.#retired.size > 0 || this.#installs.size > 0 || this.#swapping) {
      throw new PaxosError('OVERLOADED', 'The state database is being copied, read or replaced as a whole already', {
        hint: 'Wait for what goes on: a backup, a snapshot for another member, or another copy.',
      })
    }
    const reclaimed = this.#reclaim(new StateCopy(this.#options.directory, ++this.#installNumber), pace)
    this.#reclaimed = reclaimed.catch(() => {})
    await reclaimed
  }

  /** Waits for what is in flight. A failed environment stays open: closing it could wait for ever. */
  async close(): Promise<void> {
    this.#copy?.giveUp(new PaxosError('STOPPING', 'The node is stopping'))
    for (const snapshots of [this.#snapshots, ...this.#retired]) for (const snapshot of snapshots) snapshot.close()
    await this.#committing?.settled.catch(() => {})
    if (this.#options.failStop.failed) return
    await Promise.race([this.#reclaimed, pause(reclaimWaitMs)])
    for (const install of this.#installs) await install.discard()
    await this.#oldClosed
    await this.#environment.close()
  }

  async #reclaim(copy: StateCopy, pace: CopyPace): Promise<void> {
    this.#copy = copy
    try {
      await copy.run(this.#environment, pace)
      const swapped = this.#swapCopy(copy)
      this.#copySwapped = swapped.catch(() => {})
      await swapped
    } catch (error) {
      await copy.discard()
      throw error
    } finally {
      this.#copySwapped = undefined
      this.#copy = undefined
    }
  }

  /** From its first turn on no commit begins, so that the copy can come to hold what the old file does. */
  async #swapCopy(copy: StateCopy): Promise<void> {
    const inFlight = this.#committing
    await inFlight?.settled
    assert(inFlight === undefined || this.#committing !== inFlight, 'a commit settled before it was noted')
    await copy.settled()
    const [records, copied] = [this.usage().records, usageOf(copy.environment).records]
    if (records !== copied) {
      throw new PaxosError('INTERNAL', `The copy holds ${copied} records of ${records}`, {
        hint: 'Nothing was changed: the node goes on with the file that it has. Please report this.',
      })
    }
    const placed = this.#place(copy.path)
    await settled((done) => this.#options.failStop.track('a copy of the state database', placed, done))
    const [old, snapshots] = [this.#environment, this.#snapshots]
    this.#environment = copy.environment
    this.#snapshots = new Set()
    this.#retired.add(snapshots)
    this.#oldClosed = Promise.all([this.#oldClosed, this.#closeUnread(old, snapshots)])
  }

  /** What reads from the old file still sees it as it was. Its space is free when the last one is done. */
  async #closeUnread(old: Environment, snapshots: ReadonlySet<StateSnapshot>): Promise<void> {
    while (snapshots.size > 0) await pause(unreadPollMs)
    this.#retired.delete(snapshots)
    await old.close()
  }

  async #swap(received: Environment, path: string): Promise<void> {
    this.#copy?.giveUp(new PaxosError('OVERLOADED', 'A snapshot of another member was put in place meanwhile'))
    await this.#copySwapped
    this.#swapping = true
    // A commit that is still on its way goes with the old data, but first it must settle.
    await this.#committing?.settled
    await this.#place(path)
    const old = this.#environment
    for (const snapshot of this.#snapshots) snapshot.close()
    this.#environment = received
    this.#swapping = false
    this.#oldClosed = Promise.all([this.#oldClosed, old.close()])
  }

  /** After a crash the state database is the old file or this one, whole. */
  async #place(path: string): Promise<void> {
    const { directory } = this.#options
    await rename(path, join(directory, stateFile))
    await syncDirectory(directory)
    // Nobody opens the file by its old name again; the lock lives on in the open environment.
    await rm(`${path}-lock`, { force: true })
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
