import { assert } from '../base/assert.ts'
import type { Query } from '../machine/request.ts'
import type { NodeId } from '../protocol/ids.ts'
import type { Diverged } from './divergence.ts'
import type { Epochs } from './epochs.ts'
import type { Observer } from './observer.ts'
import { answersNoReads, whyLate } from './readiness.ts'
import { type PendingRead, type ReadBasis, ReadQueue } from './reads.ts'
import { stopping } from './refusals.ts'
import type { ReadOutcome } from './replica-service.ts'
import type { ReplicaState } from './state.ts'

export interface ReadDeskHost {
  now(): number
  /** Whether a read may be answered now on the strength of a lease. */
  holdsLease(): boolean
  leader(): NodeId | undefined
  epochs(): Pick<Epochs, 'refusal' | 'truncatedUpTo'>
  /** Set when the machine differs from that of a majority. */
  diverged(): Diverged | undefined
  schedule(): void
}

/** Takes clients' reads, and answers each once the engine and the machine allow it. */
export class ReadDesk {
  readonly queue: ReadQueue
  readonly #state: ReplicaState
  readonly #observer: Observer
  readonly #host: ReadDeskHost

  constructor(max: number, state: ReplicaState, observer: Observer, host: ReadDeskHost) {
    this.queue = new ReadQueue(max)
    this.#state = state
    this.#observer = observer
    this.#host = host
  }

  /** The machine's answer as it is now, however old. */
  readStale(query: Query, done: (outcome: ReadOutcome) => void): void {
    const startedAt = this.#host.now()
    if (this.#refuses(done)) return
    if (this.#state.isInstalling) {
      done({ kind: 'failed', code: 'OVERLOADED', message: 'A snapshot is being put in place on this node.' })
      return
    }
    const { appliedUpTo } = this.#state
    if (appliedUpTo === 0 && this.#host.epochs().truncatedUpTo > 0) {
      // Nothing would be no state of long ago: a restored cluster begins with data, and revisions of its own.
      done({ kind: 'failed', code: 'OVERLOADED', message: 'This node waits for its data from another member.' })
      return
    }
    done({ kind: 'answered', answer: this.#state.query(query), appliedUpTo })
    this.#observer.readDone(this.#host.now() - startedAt, 'stale', true)
  }

  readLinearizable(query: Query, timeoutMs: number, done: (outcome: ReadOutcome) => void): void {
    if (this.#refuses(done)) return
    const closed = this.#host.epochs().refusal
    if (closed !== undefined) {
      done(closed)
      return
    }
    if (this.queue.isFull) {
      done({ kind: 'failed', code: 'OVERLOADED', message: 'Too many reads are waiting on this node.' })
      return
    }
    const startedAt = this.#host.now()
    this.queue.add({ query, startedAt, deadline: startedAt + timeoutMs, done })
    this.#host.schedule()
  }

  /** Answers what the machine has applied enough for. */
  serve(): void {
    this.queue.serve(this.#state.appliedUpTo, (reads, by) => this.#serve(reads, by))
  }

  onTick(now: number): void {
    this.queue.onTick(now, (read) => this.#expire(read, now))
  }

  onDiverged(): void {
    for (const read of this.queue.drain()) this.#refuses(read.done)
  }

  close(): void {
    for (const read of this.queue.drain()) read.done(stopping)
  }

  /** What a machine says that differs from the others is wrong. */
  #refuses(done: (outcome: ReadOutcome) => void): boolean {
    const diverged = this.#host.diverged()
    if (diverged !== undefined) done({ kind: 'failed', code: 'UNHEALTHY', message: answersNoReads(diverged) })
    return diverged !== undefined
  }

  #serve(reads: readonly PendingRead[], by: ReadBasis): boolean {
    if (this.#state.isInstalling) return false
    const answers = reads.map((read) => this.#state.query(read.query))
    // The lease must hold *after* the answers were taken from the data: the node may have slept in between (T13).
    if (by === 'lease' && !this.#host.holdsLease()) return false
    const { appliedUpTo } = this.#state
    const now = this.#host.now()
    reads.forEach((read, index) => {
      const answer = answers[index]
      assert(answer !== undefined, 'a read without its answer')
      this.#observer.readDone(now - read.startedAt, by, true)
      read.done({ kind: 'answered', answer, appliedUpTo })
    })
    return true
  }

  #expire(read: PendingRead, now: number): void {
    const [code, message] = whyLate(this.#host.leader())
    this.#observer.readDone(now - read.startedAt, 'readIndex', false)
    read.done({ kind: 'failed', code, message })
  }
}
