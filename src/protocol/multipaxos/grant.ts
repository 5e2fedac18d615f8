/**
 * A follower's side of a leader lease: having heard the leader at time t, it promises nothing to another proposer until
 * t + leaseMs on its own clock. Grants are volatile, so a restarted node is silent for leaseMs as well (T11): it may
 * have granted just before it stopped.
 *
 * A grant belongs to a ballot. What an older leadership sent, and arrives late, neither takes it over nor gives it back.
 */
import { assert } from '../../base/assert.ts'
import { type Ballot, compareBallots, sameBallot } from '../ballot.ts'
import type { NodeId } from '../ids.ts'

export class Grant {
  readonly #leaseMs: number
  readonly #silentUntil: number
  #holder: Ballot | undefined
  #until = 0

  /** `silentUntil`: the end of the silence after a start, on the same clock as `now`. */
  constructor(leaseMs: number, silentUntil: number) {
    assert(leaseMs >= 0, 'negative lease: %s', leaseMs)
    this.#leaseMs = leaseMs
    this.#silentUntil = leaseMs === 0 ? 0 : silentUntil
  }

  /**
   * The leader of `ballot` was heard: bind to it. Counted from receipt here, and from sending at the leader. False while
   * a newer leader holds the grant: then there is nothing to acknowledge.
   */
  extend(now: number, ballot: Ballot): boolean {
    if (this.#leaseMs === 0) return true
    if (this.#holder !== undefined && now < this.#until && compareBallots(ballot, this.#holder) < 0) return false
    this.#holder = ballot
    this.#until = now + this.#leaseMs
    return true
  }

  /** The leader of `ballot` gives its lease back. */
  release(ballot: Ballot): void {
    if (this.#holder === undefined || !sameBallot(this.#holder, ballot)) return
    this.#holder = undefined
    this.#until = 0
  }

  /** How long nothing may be promised to `proposer`, in whole milliseconds, rounded up; 0 when it may. */
  remainingMs(now: number, proposer: NodeId): number {
    const granted = this.#holder === undefined || this.#holder.node === proposer ? 0 : this.#until - now
    return Math.ceil(Math.max(0, granted, this.#silentUntil - now))
  }
}
