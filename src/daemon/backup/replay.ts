import { assert } from '../../base/assert.ts'
import { decodeBatch, encodeBatch } from '../../machine/command-codec.ts'
import { entryTimeMs } from '../../machine/entry-time.ts'
import { KvMachine } from '../../machine/kv-machine.ts'
import type { Reply } from '../../machine/request.ts'
import type { Entry } from '../../protocol/entry.ts'
import type { SlotEntry } from '../../protocol/multipaxos/message.ts'
import { Overlay } from '../../runtime/overlay.ts'
import type { StateStore } from '../../runtime/ports.ts'
import { settled } from '../store/settled.ts'
import type { RestorePoint } from './restore-point.ts'

/** Changes that wait to be written. */
const flushBytes = 4 * 1024 * 1024

/**
 * Applies entries of a log to the data of a store, as a member did, and stops at a point. A revision may lie within a batch:
 * then the batch is applied up to it.
 */
export class Replay {
  readonly machine: KvMachine
  readonly #store: Pick<StateStore, 'commit'>
  readonly #overlay: Overlay
  readonly #point: RestorePoint
  /** Applied, and not written yet. */
  #pending: SlotEntry[] = []
  #isThere = false

  constructor(store: Pick<StateStore, 'commit' | 'view'>, point: RestorePoint) {
    this.#store = store
    this.#overlay = new Overlay(store.view)
    this.machine = new KvMachine(this.#overlay)
    this.#point = point
  }

  /** The point is reached: nothing more is applied. */
  get isThere(): boolean {
    return this.#isThere
  }

  async apply(entry: SlotEntry): Promise<void> {
    if (this.#isThere) return
    if (isBeyond(this.#point, entry)) {
      this.#isThere = true
      return
    }
    const replies = this.machine.apply(entry.slot, entry.entry)
    if (this.#point.kind === 'revision' && this.machine.revision > this.#point.revision) {
      this.#goBack(entry, replies, this.#point.revision)
      return
    }
    this.#pending.push(entry)
    if (this.#overlay.dirtyBytes >= flushBytes) await this.flush()
  }

  /** Writes what was applied. */
  async flush(): Promise<void> {
    this.#pending = []
    if (this.#overlay.dirtyKeys === 0) return
    const changes = this.#overlay.take()
    await settled((done) => this.#store.commit(changes, done))
    this.#overlay.settle()
  }

  /** To before an entry that went too far, and then through the part of it that does not. */
  #goBack({ slot, entry }: SlotEntry, replies: readonly Reply[], revision: number): void {
    this.#overlay.reset()
    this.machine.reload()
    for (const before of this.#pending) this.machine.apply(before.slot, before.entry)
    this.machine.apply(slot, firstOf(entry, replies, revision))
    assert(this.machine.revision === revision, 'went to revision %s, not %s', this.machine.revision, revision)
    this.#isThere = true
  }
}

function isBeyond(point: RestorePoint, { slot, entry }: SlotEntry): boolean {
  if (point.kind === 'slot') return slot >= point.slot
  return point.kind === 'time' && (entryTimeMs(entry) ?? 0) > point.timeMs
}

/** The batch up to the first request that went beyond the revision. */
function firstOf({ kind, payload }: Entry, replies: readonly Reply[], revision: number): Entry {
  const count = replies.findIndex((reply) => 'revision' in reply && reply.revision > revision)
  const { timeMs, requests } = decodeBatch(payload)
  return { kind, payload: encodeBatch(timeMs, requests.slice(0, count)) }
}
