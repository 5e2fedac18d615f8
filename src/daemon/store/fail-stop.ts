/**
 * Fail-stop for everything that must be durable.
 *
 * A commit that was rejected is unknown, not undone, and after a failed write of the meta page LMDB never settles another
 * promise. So the first rejection, or a commit older than the deadline, ends the store: nothing is acknowledged from then
 * on, whatever the disk says later. Retrying proves nothing: the kernel reports a lost write once.
 */
import { PaxosError } from '../../base/error.ts'
import type { Done } from '../../runtime/ports.ts'
import { reasonOf } from './environment.ts'

export interface FailStopOptions {
  /** A commit older than this is a failure. */
  readonly commitDeadlineMs: number
  /** Called once, after every waiting `done` got the error. The node must stop. */
  readonly onFailure: (error: PaxosError) => void
}

interface Waiting {
  readonly what: string
  readonly done: Done
  checks: number
}

/** The watchdog looks this often within a deadline. */
const checksPerDeadline = 10
/** How long to wait for LMDB's own words about a rejected commit before stopping without them. */
const reasonWaitMs = 100

export class FailStop {
  readonly #options: FailStopOptions
  readonly #waiting = new Set<Waiting>()
  readonly #watchdog: NodeJS.Timeout
  #failed = false
  #failure: PaxosError | undefined

  constructor(options: FailStopOptions) {
    this.#options = options
    this.#watchdog = setInterval(() => this.#check(), options.commitDeadlineMs / checksPerDeadline)
    this.#watchdog.unref()
  }

  /** From the first sign of trouble on; nothing may be acknowledged. */
  get failed(): boolean {
    return this.#failed
  }

  /** Calls `done` when `settled` does, in the order in which the promises settle. */
  track(what: string, settled: Promise<unknown>, done: Done): void {
    const waiting: Waiting = { what, done, checks: 0 }
    this.#waiting.add(waiting)
    settled.then(
      () => {
        if (this.#failed || !this.#waiting.delete(waiting)) return
        done()
      },
      (error: unknown) => this.#onRejected(what, error),
    )
  }

  /** Answers a call that came after the failure. */
  refuse(done: Done): void {
    if (this.#failure === undefined) this.#waiting.add({ what: 'late', done, checks: 0 })
    else queueMicrotask(() => done(this.#failure))
  }

  fail(error: PaxosError): void {
    this.#failed = true
    if (this.#failure !== undefined) return
    this.#failure = error
    clearInterval(this.#watchdog)
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const { done } of waiting) done(error)
    this.#options.onFailure(error)
  }

  close(): void {
    clearInterval(this.#watchdog)
  }

  /** Checks are counted, not milliseconds: a process that was stopped for a minute is not a disk that hangs. */
  #check(): void {
    for (const waiting of this.#waiting) {
      waiting.checks++
      if (waiting.checks > checksPerDeadline) {
        this.fail(storeFailed(waiting.what, `not durable after ${this.#options.commitDeadlineMs} ms`, undefined))
        return
      }
    }
  }

  #onRejected(what: string, error: unknown): void {
    // Of this moment nothing may be acknowledged, though the reason is still on its way.
    this.#failed = true
    const stop = (cause: unknown): void => this.fail(storeFailed(what, reasonOf(cause), cause))
    if (!(error instanceof Error) || !('commitError' in error)) {
      stop(error)
      return
    }
    const fallback = setTimeout(() => stop(error), reasonWaitMs)
    // Unhandled, this promise would end the process before anyone heard why.
    Promise.resolve(error.commitError).then(stop, (cause: unknown) => {
      clearTimeout(fallback)
      stop(cause)
    })
  }
}

function storeFailed(what: string, reason: string, cause: unknown): PaxosError {
  return new PaxosError('STORE_FAILED', `Cannot commit ${what}: ${reason}`, {
    hint: 'The node stops, because it cannot know what is on the disk. Check disk and file system, then start it again.',
    cause,
  })
}
