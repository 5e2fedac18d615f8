/**
 * The change of epoch that this leader was asked for: proposed once nothing else is open, answered when it is decided.
 * One at a time; a change names the epoch that it is to follow, so that two operators cannot undo each other unseen.
 */
import { assert } from '../base/assert.ts'
import { equalBytes } from '../base/bytes.ts'
import type { Entry } from '../protocol/entry.ts'
import type { Epoch, NextEpoch } from '../protocol/epoch.ts'
import { encodeEpoch, encodeStopSign } from '../protocol/epoch-codec.ts'
import type { Attribution } from '../protocol/origin.ts'

export type ChangeOutcome =
  | { readonly kind: 'begun'; readonly epoch: Epoch }
  | {
      readonly kind: 'failed'
      readonly code: 'NO_LEADER' | 'PRECONDITION_FAILED' | 'OUTCOME_UNKNOWN' | 'STOPPING' | 'TIMEOUT'
      readonly message: string
    }

interface Wanted {
  readonly next: NextEpoch
  readonly by: Attribution | undefined
}

interface Pending {
  readonly next: NextEpoch
  readonly entry: Entry
  readonly deadline: number
  readonly done: (outcome: ChangeOutcome) => void
  isProposed: boolean
}

export class EpochChange {
  #pending: Pending | undefined

  /** The stop sign that waits to be proposed. */
  get unproposed(): Entry | undefined {
    return this.#pending === undefined || this.#pending.isProposed ? undefined : this.#pending.entry
  }

  /** `newest` is the epoch that has begun last. */
  ask(newest: Epoch, { next, by }: Wanted, deadline: number, done: Pending['done']): void {
    const refuse = (message: string): void => done({ kind: 'failed', code: 'PRECONDITION_FAILED', message })
    if (next.number !== newest.number + 1) {
      refuse(`The change is to follow epoch ${next.number - 1}, and the newest is ${newest.number}.`)
      return
    }
    if (this.#pending !== undefined) {
      refuse('Another change of this epoch is under way.')
      return
    }
    const entry: Entry = { kind: 'stopSign', payload: encodeStopSign(next, by) }
    this.#pending = { next, entry, deadline, done, isProposed: false }
  }

  onProposed(): void {
    assert(this.#pending !== undefined, 'a stop sign was proposed that nobody asked for')
    this.#pending.isProposed = true
  }

  onBegun(epoch: Epoch): void {
    const pending = this.#pending
    if (pending === undefined || epoch.number < pending.next.number) return
    const wanted = encodeEpoch({ ...pending.next, startSlot: epoch.startSlot })
    const isWanted = equalBytes(wanted, encodeEpoch(epoch))
    const message = `Another change came first: epoch ${epoch.number} has begun.`
    this.#answer(isWanted ? { kind: 'begun', epoch } : { kind: 'failed', code: 'PRECONDITION_FAILED', message })
  }

  /** This node leads no longer. What is proposed may still be chosen. */
  onDeposed(): void {
    if (this.#pending === undefined || this.#pending.isProposed) return
    this.#answer({ kind: 'failed', code: 'NO_LEADER', message: 'The node that was asked does not lead any more.' })
  }

  onTick(now: number): void {
    const pending = this.#pending
    if (pending === undefined || now < pending.deadline) return
    this.#answer(
      pending.isProposed
        ? { kind: 'failed', code: 'OUTCOME_UNKNOWN', message: 'The stop sign was proposed, and is not decided yet.' }
        : { kind: 'failed', code: 'TIMEOUT', message: 'What was open before did not get decided in time.' },
    )
  }

  close(): void {
    if (this.#pending === undefined) return
    const code = this.#pending.isProposed ? 'OUTCOME_UNKNOWN' : 'STOPPING'
    this.#answer({ kind: 'failed', code, message: 'The node is stopping.' })
  }

  #answer(outcome: ChangeOutcome): void {
    const pending = this.#pending
    this.#pending = undefined
    pending?.done(outcome)
  }
}
