/**
 * A follower's side of a leader lease: having heard the leader at time t, it promises nothing to another proposer until
 * t + leaseMs on its own clock. Grants are volatile, so a restarted node is silent for leaseMs as well (T11): it may
 * have granted just before it stopped.
 */
import { assert } from '../../base/assert.ts'
import type { NodeId } from '../ids.ts'

export class Grant {
  readonly #leaseMs: number
  readonly #silentUntil: number
  #holder: NodeId | undefined
  #until = 0

  /** `silentUntil`: the end of the boot silence, on the same clock as `now`. */
  constructor(leaseMs: number, silentUntil: number) {
    assert(leaseMs >= 0, `negative lease: ${leaseMs}`)
    this.#leaseMs = leaseMs
    this.#silentUntil = leaseMs === 0 ? 0 : silentUntil
  }

  /** The leader was heard: bind to it. Counted from receipt here, and from sending at the leader. */
  extend(now: number, leader: NodeId): void {
    if (this.#leaseMs === 0) return
    this.#holder = leader
    this.#until = now + this.#leaseMs
  }

  /** The leader gives its lease back. */
  release(leader: NodeId): void {
    if (this.#holder !== leader) return
    this.#holder = undefined
    this.#until = 0
  }

  /** How long nothing may be promised to `proposer`; 0 when it may. */
  remainingMs(now: number, proposer: NodeId): number {
    const granted = this.#holder === undefined || this.#holder === proposer ? 0 : this.#until - now
    return Math.max(0, granted, this.#silentUntil - now)
  }
}
