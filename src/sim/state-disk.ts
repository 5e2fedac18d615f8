import { assert } from '../base/assert.ts'
import { PaxosError } from '../base/error.ts'
import { compareStrings, lowerBound } from '../base/order.ts'
import { metaKey } from '../machine/layout.ts'
import { decodeMeta } from '../machine/records.ts'
import type { ReadView } from '../machine/view.ts'
import { type Slot, toSlot } from '../protocol/ids.ts'
import type { Done, StateInstall, StatePage, StateSnapshot, StateStore } from '../runtime/ports.ts'
import type { CommitFate } from './acceptor-disk.ts'

export interface StateDiskHost {
  after(delayMs: number, task: () => void): void
  fate(): CommitFate
}

/** As the real store has it. */
const keyBytesMax = 4000

type Pair = readonly [key: string, value: Uint8Array]

/** Durable data of one machine, immutable once replaced, so that a snapshot is a reference. */
class Image implements ReadView {
  readonly data: ReadonlyMap<string, Uint8Array>
  /** Keys whose records cannot be read. */
  readonly damaged: ReadonlySet<string>
  #keys: readonly string[] | undefined

  constructor(data: ReadonlyMap<string, Uint8Array>, damaged: ReadonlySet<string> = new Set()) {
    this.data = data
    this.damaged = damaged
  }

  get(key: string): Uint8Array | undefined {
    if (this.damaged.has(key)) throw new PaxosError('STORE_FAILED', 'A record of the simulated disk is damaged')
    return this.data.get(key)
  }

  *range(start: string, end: string | undefined): Iterable<Pair> {
    const keys = this.keys()
    for (let at = lowerBound(keys, start, compareStrings); at < keys.length; at++) {
      const key = keys[at] as string
      if (end !== undefined && key >= end) return
      yield [key, this.get(key) as Uint8Array]
    }
  }

  keys(): readonly string[] {
    this.#keys ??= [...this.data.keys()].sort(compareStrings)
    return this.#keys
  }
}

/** A node's machine disk. What is committed and not yet durable is readable, and lost in a crash. */
export class StateDisk implements StateStore {
  readonly #host: StateDiskHost
  #durable = new Image(new Map())
  #current = this.#durable
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

  /** Everything below is in the durable data. */
  get appliedUpTo(): Slot {
    const record = this.#durable.get(metaKey)
    return toSlot(record === undefined ? 0 : decodeMeta(record).appliedUpTo)
  }

  commit(changes: ReadonlyMap<string, Uint8Array | null>, done: Done): void {
    const data = new Map(this.#current.data)
    for (const [key, value] of changes) {
      if (value === null) data.delete(key)
      else data.set(key, value)
    }
    const damaged = new Set([...this.#current.damaged].filter((key) => !changes.has(key)))
    const next = new Image(data, damaged)
    this.#current = next
    this.#finish(() => {
      this.#durable = next
    }, done)
  }

  snapshot(appliedUpTo: Slot): StateSnapshot {
    const image = this.#durable
    const installs = this.#installs
    let isOpen = true
    return {
      appliedUpTo,
      page: (after, bytesMax): StatePage => {
        if (!isOpen || installs !== this.#installs) throw new PaxosError('NOT_FOUND', 'The snapshot is closed')
        return pageOf(image, after, bytesMax)
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
        const next = new Image(received)
        this.#finish(() => {
          this.#durable = next
          this.#current = next
          this.#installs++
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
    this.#current = this.#durable
  }

  /** The disk dies: nothing is done any more, not even what is in flight. Until the node restarts. */
  fail(): void {
    this.#isDead = true
  }

  /** The record of `key` can no longer be read. */
  damage(key: string): void {
    this.#durable = new Image(this.#durable.data, new Set([...this.#durable.damaged, key]))
    this.#current = this.#durable
  }

  /** The data is lost, as when its file was deleted while the node was down. */
  wipe(): void {
    this.#durable = new Image(new Map())
    this.#current = this.#durable
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

function pageOf(image: Image, after: string | undefined, bytesMax: number): StatePage {
  const keys = image.keys()
  let at = after === undefined ? 0 : lowerBound(keys, after, compareStrings)
  if (after !== undefined && keys[at] === after) at++
  const entries: Pair[] = []
  let bytes = 0
  while (at < keys.length && (bytes < bytesMax || entries.length === 0)) {
    const key = keys[at++] as string
    const value = image.data.get(key) as Uint8Array
    entries.push([key, value])
    bytes += key.length + value.length
  }
  return { entries, done: at >= keys.length }
}
