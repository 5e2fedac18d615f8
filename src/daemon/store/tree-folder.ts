/**
 * Takes over into LMDB what is durable in the journal, many changes at once.
 *
 * Invariants:
 * - at most one transaction is in flight.
 * - a part of the journal is released when the transaction that took it over is durable; how far that came is written in the
 *   same transaction. Taking changes over once more changes nothing: each says what a key is to be.
 */
import { assert } from '../../base/assert.ts'
import type { Done } from '../../runtime/ports.ts'
import type { Environment } from './environment.ts'
import type { FailStop } from './fail-stop.ts'
import type { Journal, JournalPosition } from './journal.ts'
import { encodeMark } from './journal-codec.ts'
import { journalLimits } from './journal-limits.ts'
import { journalKey } from './keys.ts'
import { queueWrites } from './queue-writes.ts'
import { encodeRecord } from './record.ts'
import type { TreeWrite } from './record-tree.ts'
import { settled } from './settled.ts'
import { TreeLayer } from './tree-layer.ts'

/** Writes to LMDB, and says how it ends; undefined when there is nothing to do. */
export type BackgroundStep = () => Promise<unknown> | undefined

export interface TreeFolderSetup {
  readonly environment: Environment
  readonly journal: Journal
  readonly failStop: FailStop
  /** How long after the first change, at most, they are taken over. */
  readonly foldMs: number
  /** There may be room in the journal, or a failure. */
  readonly onSettled: () => void
}

export class TreeFolder {
  readonly #environment: Environment
  readonly #journal: Journal
  readonly #failStop: FailStop
  readonly #foldMs: number
  readonly #onSettled: () => void
  /** Durable in the journal. */
  #pending = new TreeLayer()
  /** What came before that, and the transaction in flight takes over. */
  #folding: TreeLayer | undefined
  /** Of what is pending, in the journal. */
  #end: JournalPosition
  #inTransaction = false
  #ended = Promise.resolve()
  #timer: NodeJS.Timeout | undefined
  #isDue = false
  #step: BackgroundStep | undefined
  #isStepNext = false
  #isClosing = false

  constructor({ environment, journal, failStop, foldMs, onSettled }: TreeFolderSetup) {
    this.#environment = environment
    this.#journal = journal
    this.#end = journal.end
    this.#failStop = failStop
    this.#foldMs = foldMs
    this.#onSettled = onSettled
  }

  /** What is not in LMDB, the newest first. */
  get layers(): readonly TreeLayer[] {
    return this.#folding === undefined ? [this.#pending] : [this.#pending, this.#folding]
  }

  /** Everything is in LMDB, and nothing is being written there. */
  get isIdle(): boolean {
    return !this.#inTransaction && this.#pending.isEmpty
  }

  /** They are durable in the journal, up to `end`. */
  add(writes: readonly TreeWrite[], end: JournalPosition): void {
    this.#pending.add(writes)
    this.#end = end
    this.#schedule()
  }

  /** Does `task` once everything added so far is in LMDB. */
  whenFolded(task: () => void): void {
    this.#pending.whenInTree(task)
    this.#schedule()
  }

  /** Does `step` between other transactions, again and again until there is nothing to do. */
  inBackground(step: BackgroundStep): void {
    if (this.#isClosing) return
    this.#step = step
    this.#next()
  }

  /** Without the journal. Everything must be in LMDB. */
  writeThrough(writes: readonly TreeWrite[], done: Done): void {
    assert(this.isIdle, 'what is older must be in LMDB first')
    this.#transact(queueWrites(this.#environment, writes), done)
  }

  /** Without waiting until it pays. */
  hurry(): void {
    this.#isDue = true
    this.#next()
  }

  /** Everything added so far is in LMDB when it resolves. Rejects with STORE_FAILED. */
  async fold(): Promise<void> {
    while (this.#folding !== undefined || !this.#pending.isEmpty) {
      if (this.#failStop.failed) await settled((done) => this.#failStop.refuse(done))
      this.hurry()
      await this.#ended
    }
  }

  /** Takes no step any more, and resolves when nothing is in flight. Rejects with STORE_FAILED. */
  async close(): Promise<void> {
    this.#isClosing = true
    this.#step = undefined
    await this.fold()
    if (this.#inTransaction) await this.#ended
  }

  #schedule(): void {
    if (this.#pending.bytes >= journalLimits.foldBytes) this.hurry()
    else this.#timer ??= setTimeout(() => this.hurry(), this.#foldMs).unref()
  }

  #next(): void {
    if (this.#inTransaction || this.#failStop.failed) return
    // In turn, so that neither holds up the other for ever.
    if (this.#isStepNext || !this.#isDue) this.#takeStep()
    if (this.#isDue && !this.#inTransaction) this.#fold()
  }

  #fold(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#isDue = false
    this.#isStepNext = true
    const layer = this.#pending
    this.#pending = new TreeLayer()
    if (layer.writes.size === 0) {
      for (const task of layer.tasks) task()
      this.#onSettled()
      this.#next()
      return
    }
    this.#folding = layer
    const end = this.#end
    const mark = encodeRecord(journalKey, encodeMark(this.#journal.markAt(end)))
    const writes = [...layer.writes.values(), { key: journalKey, value: mark }]
    this.#transact(queueWrites(this.#environment, writes), (error) => {
      if (error !== undefined) return
      this.#folding = undefined
      this.#journal.release(end)
      for (const task of layer.tasks) task()
    })
  }

  #takeStep(): void {
    this.#isStepNext = false
    const stepped = this.#step?.()
    if (stepped === undefined) this.#step = undefined
    else this.#transact(stepped, () => {})
  }

  #transact(promise: Promise<unknown>, done: Done): void {
    this.#inTransaction = true
    this.#ended = new Promise((resolve) => {
      this.#failStop.track('acceptor.mdb', promise, (error) => {
        this.#inTransaction = false
        done(error)
        this.#onSettled()
        this.#next()
        resolve()
      })
    })
  }
}
