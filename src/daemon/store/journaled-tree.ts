/**
 * The acceptor's tree. Changes become durable in the journal, and are taken over into LMDB later (tree-folder.ts).
 *
 * Invariants:
 * - a change can be read when it is durable, and not before.
 * - a call is in one record of the journal, all or nothing; so are the calls made together. They take effect in order.
 * - a buffer given to it is never touched again.
 */
import type { Done } from '../../runtime/ports.ts'
import type { Environment } from './environment.ts'
import type { FailStop } from './fail-stop.ts'
import type { Journal } from './journal.ts'
import type { KeyBounds } from './keys.ts'
import { LayeredTree } from './layered-tree.ts'
import type { RecordTree, TreeWrite } from './record-tree.ts'
import { settled } from './settled.ts'
import { type BackgroundStep, TreeFolder, type TreeFolderSetup } from './tree-folder.ts'

interface Call {
  readonly writes: readonly TreeWrite[]
  readonly done: Done
}

export class JournaledTree implements RecordTree {
  /** What is in LMDB already. */
  readonly environment: Environment
  readonly #journal: Journal
  readonly #failStop: FailStop
  readonly #folder: TreeFolder
  readonly #view: LayeredTree
  #calls: Call[] = []
  #isScheduled = false
  #isWriting = false

  constructor(setup: Omit<TreeFolderSetup, 'onSettled'>) {
    this.environment = setup.environment
    this.#journal = setup.journal
    this.#failStop = setup.failStop
    this.#folder = new TreeFolder({ ...setup, onSettled: () => this.#next() })
    this.#view = new LayeredTree(setup.environment, () => this.#folder.layers)
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#view.get(key)
  }

  getRange(bounds: KeyBounds): ReturnType<RecordTree['getRange']> {
    return this.#view.getRange(bounds)
  }

  getKeys(bounds: KeyBounds): Iterable<Uint8Array> {
    return this.#view.getKeys(bounds)
  }

  /** `done` once all of it would survive a power cut. Without writes, once those before it would. */
  write(writes: readonly TreeWrite[], done: Done): void {
    this.#calls.push({ writes, done })
    if (this.#isScheduled) return
    this.#isScheduled = true
    queueMicrotask(() => {
      this.#isScheduled = false
      this.#next()
    })
  }

  /** Does `task` once what is durable now is in LMDB. */
  whenFolded(task: () => void): void {
    this.#folder.whenFolded(task)
  }

  /** Does `step`, which writes to `environment`, again and again until there is nothing to do. */
  inBackground(step: BackgroundStep): void {
    this.#folder.inBackground(step)
  }

  /** Everything written so far is in LMDB when it resolves. Rejects with STORE_FAILED. */
  async fold(): Promise<void> {
    await settled((done) => this.write([], done))
    await this.#folder.fold()
  }

  /** Waits for what is in flight. After a failure the files stay open: closing them could wait for ever. */
  async close(): Promise<void> {
    await this.fold()
      .then(() => this.#folder.close())
      .catch(() => {})
    if (this.#failStop.failed) return
    await this.#journal.close()
    await this.environment.close()
  }

  #next(): void {
    if (this.#isWriting || this.#calls.length === 0) return
    const calls = this.#calls
    const finish = (error?: Error): void => {
      for (const call of calls) call.done(error)
    }
    if (this.#failStop.failed) {
      this.#calls = []
      this.#failStop.refuse(finish)
      return
    }
    const writes = calls.flatMap((call) => call.writes)
    if (writes.length === 0) {
      this.#calls = []
      finish()
      return
    }
    const appended = this.#journal.append(writes)
    if (appended !== undefined) {
      this.#begin(
        (done) => this.#failStop.track('acceptor.journal', appended, done),
        (error) => {
          if (error === undefined) this.#folder.add(writes, this.#journal.end)
          finish(error)
        },
      )
    } else if (this.#folder.isIdle) {
      // More than the journal holds.
      this.#begin((done) => this.#folder.writeThrough(writes, done), finish)
    } else {
      this.#folder.hurry()
    }
  }

  #begin(write: (done: Done) => void, finish: Done): void {
    this.#calls = []
    this.#isWriting = true
    write((error) => {
      this.#isWriting = false
      finish(error)
      this.#next()
    })
  }
}
