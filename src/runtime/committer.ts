import { assert } from '../base/assert.ts'
import type { Send } from '../protocol/effect.ts'
import type { EpochNumber, GroupId } from '../protocol/ids.ts'
import type { Observer } from './observer.ts'
import type { AcceptorStore, Clock, GroupWrite } from './ports.ts'

/** A message, or something else to do, that waits for what it depends on to be durable. */
export type Release =
  | { readonly kind: 'send'; readonly group: GroupId; readonly epoch: EpochNumber; readonly send: Send }
  | { readonly kind: 'run'; readonly task: () => void }

/**
 * Group commit: everything persisted while one commit is in flight goes into the next, for all groups. What a commit
 * releases leaves after its `done`, in order, and never before (protocols 2.3). The first error ends everything.
 */
export class Committer {
  readonly #store: AcceptorStore
  readonly #clock: Clock
  readonly #observer: Observer
  readonly #onReleased: (releases: readonly Release[]) => void
  readonly #onFatal: (error: Error) => void
  #writes: GroupWrite[] = []
  #releases: Release[] = []
  #isInFlight = false
  #isDead = false
  #lastMs = 0

  constructor(
    store: AcceptorStore,
    clock: Clock,
    observer: Observer,
    onReleased: (releases: readonly Release[]) => void,
    onFatal: (error: Error) => void,
  ) {
    this.#store = store
    this.#clock = clock
    this.#observer = observer
    this.#onReleased = onReleased
    this.#onFatal = onFatal
  }

  /** Nothing waits to become durable. */
  get isIdle(): boolean {
    return !this.#isInFlight && this.#writes.length === 0 && this.#releases.length === 0
  }

  /** How long the last commit took. */
  get lastMs(): number {
    return this.#lastMs
  }

  add(writes: readonly GroupWrite[], releases: readonly Release[]): void {
    for (const write of writes) this.#writes.push(write)
    for (const release of releases) this.#releases.push(release)
  }

  /** Starts the next commit unless one is in flight. Call at the end of a turn. */
  flush(): void {
    if (this.#isInFlight || this.#isDead) return
    const writes = this.#writes
    const releases = this.#releases
    if (writes.length === 0 && releases.length === 0) return
    this.#writes = []
    this.#releases = []
    if (writes.length === 0) {
      // Nothing is in flight, so everything that these depend on is durable already.
      this.#onReleased(releases)
      return
    }
    this.#isInFlight = true
    const startedAt = this.#clock.now()
    this.#store.commit(writes, (error) => {
      assert(this.#isInFlight, 'a commit finished twice')
      this.#isInFlight = false
      if (this.#isDead) return
      if (error !== undefined) {
        this.#isDead = true
        this.#onFatal(error)
        return
      }
      this.#lastMs = this.#clock.now() - startedAt
      this.#observer.committed(this.#lastMs, writes.length)
      this.#onReleased(releases)
    })
  }

  /** Nothing is released any more: a node whose disk failed must not speak. */
  kill(): void {
    this.#isDead = true
  }
}
