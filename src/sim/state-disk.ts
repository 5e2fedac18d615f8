import { assert } from '../base/assert.ts'
import { PaxosError } from '../base/error.ts'
import { compareStrings, lowerBound } from '../base/order.ts'
import { SortedKeys } from '../base/sorted-keys.ts'
import { metaOf } from '../machine/records.ts'
import type { ReadView } from '../machine/view.ts'
import { type Slot, toSlot } from '../protocol/ids.ts'
import type { Done, StateInstall, StatePage, StateSnapshot, StateStore } from '../runtime/ports.ts'
import type { CommitFate } from './acceptor-disk.ts'

export interface StateDiskHost {
  after(delayMs: number, task: () => void): void
  fate(): CommitFate
  /** The durable data is another from now on. */
  onStateStored(): void
}

/** As the real store has it. */
const keyBytesMax = 4000
const nothing = new Uint8Array()

type Pair = readonly [key: string, value: Uint8Array]
type Changes = ReadonlyMap<string, Uint8Array | null>

/** Data of one machine, changed in place: a run makes thousands of commits of a few keys each. */
class Table implements ReadView {
  readonly #data: Map<string, Uint8Array>
  /** Kept from the first range on: most tables are only written to. */
  #keys: SortedKeys | undefined
  /** Keys whose records cannot be read. */
  readonly #damaged: Set<string>

  constructor(data: Iterable<Pair> = [], damaged: Iterable<string> = []) {
    this.#data = new Map(data)
    this.#damaged = new Set(damaged)
  }

  get(key: string): Uint8Array | undefined {
    if (this.#damaged.has(key)) throw new PaxosError('STORE_FAILED', 'A record of the simulated disk is damaged')
    return this.#data.get(key)
  }

  *range(start: string, end: string | undefined): Iterable<Pair> {
    if (this.#keys === undefined) {
      this.#keys = new SortedKeys()
      for (const key of this.#data.keys()) this.#keys.add(key)
    }
    for (const key of this.#keys.range(start, end)) yield [key, this.get(key) as Uint8Array]
  }

  write(changes: Changes): void {
    for (const [key, value] of changes) {
      this.#damaged.delete(key)
      if (value === null) {
        this.#data.delete(key)
        this.#keys?.delete(key)
      } else {
        if (!this.#data.has(key)) this.#keys?.add(key)
        this.#data.set(key, value)
      }
    }
  }

  damage(key: string): void {
    this.#damaged.add(key)
  }

  copy(): Table {
    return new Table(this.#data, this.#damaged)
  }
}

/** A node's machine disk. What is committed and not yet durable is readable, and lost in a crash. */
export class StateDisk implements StateStore {
  readonly #host: StateDiskHost
  #durable = new Table()
  /** With the commit that is in flight. */
  #current = new Table()
  #life = 0
  #isDead = false
  /** Counts installs: a snapshot of before one is gone with the data that it was of. */
  #installs = 0

  constructor(host: StateDiskHost) {
    this.#host = host
  }

  readonly view: ReadView = {
    get: (key) => this.#current.get(key),
    range: (start, end) => this.#current.range(start, end),
  }

  /** All durable pairs in order, for comparing replicas. */
  contents(): readonly Pair[] {
    return [...this.#durable.range('', undefined)]
  }

  /** Before the node starts for the first time: the data that it is restored with. */
  fill(pairs: readonly Pair[]): void {
    this.#durable = new Table(pairs)
    this.#current = new Table(pairs)
  }

  /** Everything below is in the durable data. */
  get appliedUpTo(): Slot {
    return toSlot(metaOf(this.#durable).appliedUpTo)
  }

  commit(changes: Changes, done: Done): void {
    this.#current.write(changes)
    this.#finish(() => {
      this.#durable.write(changes)
      this.#host.onStateStored()
    }, done)
  }

  snapshot(appliedUpTo: Slot): StateSnapshot {
    const pairs = [...this.#durable.range('', undefined)]
    const installs = this.#installs
    let isOpen = true
    return {
      appliedUpTo,
      page: (after, bytesMax): StatePage => {
        if (!isOpen || installs !== this.#installs) throw new PaxosError('NOT_FOUND', 'The snapshot is closed')
        return pageOf(pairs, after, bytesMax)
      },
      close: () => {
        isOpen = false
      },
    }
  }

  install(): StateInstall {
    const received = new Map<string, Uint8Array>()
    let isOver = false
    return {
      put: (entries, done) => {
        for (const [key] of entries) {
          if (key.length === 0 || key.length > keyBytesMax) {
            throw new PaxosError('BAD_FRAME', `A snapshot holds a key of ${key.length} bytes`)
          }
        }
        for (const [key, value] of entries) received.set(key, value)
        this.#finish(() => {}, done)
      },
      finish: (done) => {
        assert(!isOver, 'an install finished twice')
        isOver = true
        this.#finish(() => {
          this.#durable = new Table(received)
          this.#current = new Table(received)
          this.#installs++
          this.#host.onStateStored()
        }, done)
      },
      abort: () => {
        isOver = true
      },
    }
  }

  /** What was not durable is gone. */
  crash(): void {
    this.#life++
    this.#isDead = false
    this.#current = this.#durable.copy()
  }

  /** The disk dies: nothing is done any more, not even what is in flight. Until the node restarts. */
  fail(): void {
    this.#isDead = true
  }

  /** The record of `key` can no longer be read. */
  damage(key: string): void {
    this.#durable.damage(key)
    this.#current.damage(key)
  }

  /** The data is lost, as when its file was deleted while the node was down. */
  wipe(): void {
    this.#durable = new Table()
    this.#current = new Table()
  }

  #finish(effect: () => void, done: Done): void {
    const life = this.#life
    const { delayMs, failure } = this.#host.fate()
    this.#host.after(delayMs, () => {
      if (life !== this.#life) return
      if (failure !== undefined || this.#isDead) {
        this.#isDead = true
        done(new PaxosError('STORE_FAILED', failure ?? 'The simulated disk failed before'))
        return
      }
      effect()
      done()
    })
  }
}

function pageOf(pairs: readonly Pair[], after: string | undefined, bytesMax: number): StatePage {
  let at = after === undefined ? 0 : lowerBound(pairs, [after, nothing], (a, b) => compareStrings(a[0], b[0]))
  if (after !== undefined && pairs[at]?.[0] === after) at++
  const entries: Pair[] = []
  let bytes = 0
  for (; at < pairs.length && (bytes < bytesMax || entries.length === 0); at++) {
    const pair = pairs[at] as Pair
    entries.push(pair)
    bytes += pair[0].length + pair[1].length
  }
  return { entries, done: at >= pairs.length }
}
