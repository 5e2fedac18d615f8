import type { Transaction } from 'lmdb'
import { PaxosError } from '../../base/error.ts'
import { keyAfter } from '../../base/order.ts'
import type { Slot } from '../../protocol/ids.ts'
import type { StatePage, StateSnapshot } from '../../runtime/ports.ts'
import type { Environment } from './environment.ts'
import { readStatePage } from './state-tree.ts'

/**
 * One read transaction. While it is open no page that it can see is used again, so the file grows: a receiver that stays
 * away for `idleMs` loses it, and begins anew.
 */
export class LmdbStateSnapshot implements StateSnapshot {
  readonly appliedUpTo: Slot
  readonly #environment: Environment
  readonly #idleMs: number
  readonly #onClose: () => void
  #transaction: Transaction | undefined
  #idle: NodeJS.Timeout

  constructor(environment: Environment, appliedUpTo: Slot, idleMs: number, onClose: () => void) {
    this.appliedUpTo = appliedUpTo
    this.#environment = environment
    this.#idleMs = idleMs
    this.#onClose = onClose
    // The default read transaction may be older than the last commit.
    environment.resetReadTxn()
    this.#transaction = environment.useReadTransaction()
    this.#idle = this.#startIdle()
  }

  /** Throws PaxosError NOT_FOUND once closed, by the caller or for idleness. */
  page(after: string | undefined, bytesMax: number): StatePage {
    const transaction = this.#transaction
    if (transaction === undefined) {
      throw new PaxosError('NOT_FOUND', 'The snapshot is closed', {
        hint: `Begin a new one; a snapshot is given up after ${this.#idleMs} ms without a request.`,
      })
    }
    this.#idle.refresh()
    const start = after === undefined ? '' : keyAfter(after)
    return readStatePage(this.#environment, { start, end: undefined, bytesMax, transaction })
  }

  close(): void {
    const transaction = this.#transaction
    if (transaction === undefined) return
    this.#transaction = undefined
    clearTimeout(this.#idle)
    transaction.done()
    this.#onClose()
  }

  #startIdle(): NodeJS.Timeout {
    const idle = setTimeout(() => this.close(), this.#idleMs)
    idle.unref()
    return idle
  }
}
