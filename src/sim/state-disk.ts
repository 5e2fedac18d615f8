import { assert } from '../base/assert.ts'
import { PaxosError } from '../base/error.ts'
import { compareStrings, lowerBound } from '../base/order.ts'
import type { ReadView } from '../machine/view.ts'
import type { Slot } from '../protocol/ids.ts'
import type { Done, StateInstall, StatePage, StateSnapshot, StateStore } from '../runtime/ports.ts'
import type { CommitFate } from './acceptor-disk.ts'

export interface StateDiskHost {
  after(delayMs: number, task: () => void): void
  fate(): CommitFate
}

type Pair = readonly [key: string, value: Uint8Array]

/** Durable data of one machine, immutable once replaced, so that a snapshot is a reference. */
class Image implements ReadView {
  readonly data: ReadonlyMap<string, Uint8Array>
  #keys: readonly string[] | undefined

  constructor(data: ReadonlyMap<string, Uint8Array>) {
    this.data = data
  }

  get(key: string): Uint8Array | undefined {
    return this.data.get(key)
  }

  *range(start: string, end: string | undefined): Iterable<Pair> {
    const keys = this.keys()
    for (let at = lowerBound(keys, start, compareStrings); at < keys.length; at++) {
      const key = keys[at] as string
      if (end !== undefined && key >= end) return
      yield [key, this.data.get(key) as Uint8Array]
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

  commit(changes: ReadonlyMap<string, Uint8Array | null>, done: Done): void {
    const data = new Map(this.#current.data)
    for (const [key, value] of changes) {
      if (value === null) data.delete(key)
      else data.set(key, value)
    }
    const next = new Image(data)
    this.#current = next
    this.#finish(() => {
      this.#durable = next
    }, done)
  }

  snapshot(appliedUpTo: Slot): StateSnapshot {
    const image = this.#durable
    let isOpen = true
    return {
      appliedUpTo,
      page: (after, bytesMax): StatePage => {
        if (!isOpen) throw new PaxosError('NOT_FOUND', 'The snapshot is closed')
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
