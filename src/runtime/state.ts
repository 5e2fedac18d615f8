/**
 * The machine and its data: applies chosen entries to the overlay at once, and makes them durable in larger steps.
 *
 * - the applied slot, sessions and data move together, in one transaction of the store.
 * - at most one commit of the store is in flight; `durableUpTo` moves when it is done.
 * - while a snapshot is being put in place nothing is applied: what is learned meanwhile waits.
 */
import { assert } from '../base/assert.ts'
import type { ChainValue } from '../machine/chain.ts'
import type { Machine } from '../machine/machine.ts'
import type { Answer, Query, Reply } from '../machine/request.ts'
import type { View } from '../machine/view.ts'
import type { Entry } from '../protocol/entry.ts'
import type { Slot } from '../protocol/ids.ts'
import type { Observer } from './observer.ts'
import type { ReplicaOptions } from './options.ts'
import { Overlay } from './overlay.ts'
import type { Clock, StateInstall, StateSnapshot, StateStore } from './ports.ts'
import { RecentChains } from './recent-chains.ts'

export class ReplicaState {
  readonly #store: StateStore
  readonly #overlay: Overlay
  readonly #machine: Machine
  readonly #clock: Clock
  readonly #observer: Observer
  readonly #options: ReplicaOptions
  readonly #onDurable: () => void
  readonly #onFatal: (error: Error) => void
  readonly #waiting: (() => void)[] = []
  readonly #recentChains = new RecentChains()
  #durableUpTo: Slot
  #isCommitting = false
  #isInstalling = false
  #flushedAt: number

  constructor(
    store: StateStore,
    createMachine: (view: View) => Machine,
    clock: Clock,
    observer: Observer,
    options: ReplicaOptions,
    onDurable: () => void,
    onFatal: (error: Error) => void,
  ) {
    this.#store = store
    this.#overlay = new Overlay(store.view)
    this.#machine = createMachine(this.#overlay)
    this.#clock = clock
    this.#observer = observer
    this.#options = options
    this.#onDurable = onDurable
    this.#onFatal = onFatal
    this.#durableUpTo = this.#machine.appliedUpTo
    this.#flushedAt = clock.now()
  }

  get machine(): Omit<Machine, 'apply' | 'query' | 'reload'> {
    return this.#machine
  }

  get appliedUpTo(): Slot {
    return this.#machine.appliedUpTo
  }

  /** Everything below is applied, and would survive a power cut. */
  get durableUpTo(): Slot {
    return this.#durableUpTo
  }

  get isInstalling(): boolean {
    return this.#isInstalling
  }

  /** The disk does not keep up: taking more would only fill the memory. */
  get isBehind(): boolean {
    return this.#overlay.dirtyBytes > 16 * this.#options.stateFlushBytes
  }

  apply(slot: Slot, entry: Entry): readonly Reply[] {
    assert(!this.#isInstalling, 'applying while a snapshot is being put in place')
    const replies = this.#machine.apply(slot, entry)
    this.#recentChains.note(this.#machine.appliedUpTo, this.#machine.chain.words)
    this.#observer.applied(replies.length)
    return replies
  }

  /** The value of the hash chain at a slot, if it is known: of the last slots each, of older ones some. */
  chainAt(slot: Slot): ChainValue | undefined {
    if (slot < this.#machine.chain.since) return undefined
    return this.#recentChains.at(slot) ?? this.#machine.chainAt(slot)
  }

  query(query: Query): Answer {
    return this.#machine.query(query)
  }

  /** Starts a commit when one is due. */
  flush(force = false): void {
    if (this.#isCommitting || this.#isInstalling || this.#overlay.dirtyKeys === 0) return
    const now = this.#clock.now()
    const isDue = now - this.#flushedAt >= this.#options.stateFlushMs
    if (!force && !isDue && this.#overlay.dirtyBytes < this.#options.stateFlushBytes) return
    const upTo = this.#machine.appliedUpTo
    const changes = this.#overlay.take()
    this.#isCommitting = true
    this.#flushedAt = now
    this.#store.commit(changes, (error) => {
      this.#isCommitting = false
      if (error !== undefined) {
        this.#onFatal(error)
        return
      }
      this.#observer.stateCommitted(this.#clock.now() - now, changes.size)
      this.#overlay.settle()
      assert(upTo >= this.#durableUpTo, 'durable state went back from %s to %s', this.#durableUpTo, upTo)
      this.#durableUpTo = upTo
      for (const task of this.#waiting.splice(0)) task()
      this.#onDurable()
    })
  }

  /** Runs `task` when everything applied by now is durable, and no received snapshot is on its way into the store. */
  whenDurable(task: () => void): void {
    // Not what is applied later: under load there is always more.
    const upTo = this.#machine.appliedUpTo
    const look = (): void => {
      if (this.#durableUpTo < upTo) this.flush(true)
      const isWaiting = this.#isInstalling || (this.#isCommitting && this.#durableUpTo < upTo)
      if (isWaiting) this.#waiting.push(look)
      else task()
    }
    look()
  }

  /** A consistent copy of the last durable commit, once none is in flight. */
  snapshot(task: (snapshot: StateSnapshot) => void): void {
    if (this.#isInstalling) return
    if (this.#isCommitting) this.#waiting.push(() => this.snapshot(task))
    else task(this.#store.snapshot(this.#durableUpTo))
  }

  /** A copy with everything applied by now; undefined while a received snapshot is being put in place. */
  currentSnapshot(done: (snapshot: StateSnapshot | undefined) => void): void {
    const upTo = this.#machine.appliedUpTo
    const take = (): void => {
      if (!this.#isCommitting && this.#durableUpTo < upTo) this.flush(true)
      if (this.#isCommitting) this.#waiting.push(take)
      else done(this.#isInstalling ? undefined : this.#store.snapshot(this.#durableUpTo))
    }
    take()
  }

  beginInstall(): StateInstall {
    return this.#store.install()
  }

  /**
   * Puts a received snapshot in place of the data. `done(false)` when the machine has meanwhile applied as much: a
   * snapshot never takes anything back.
   */
  finishInstall(install: StateInstall, upTo: Slot, done: (isInstalled: boolean) => void): void {
    if (this.#isCommitting) {
      this.#waiting.push(() => this.finishInstall(install, upTo, done))
      return
    }
    if (upTo <= this.#machine.appliedUpTo) {
      install.abort()
      done(false)
      return
    }
    this.#isInstalling = true
    install.finish((error) => {
      this.#isInstalling = false
      if (error !== undefined) {
        this.#onFatal(error)
        return
      }
      this.#overlay.reset()
      this.#machine.reload()
      this.#recentChains.clear()
      assert(this.#machine.appliedUpTo === upTo, 'snapshot of %s holds %s', upTo, this.#machine.appliedUpTo)
      this.#durableUpTo = upTo
      done(true)
      for (const task of this.#waiting.splice(0)) task()
    })
  }
}
