/**
 * What a leader may conclude from acknowledged heartbeats: until when no other leader can have been elected.
 *
 * A heartbeat that enough acceptors acknowledged (they meet every phase-1 quorum) proves that no newer leader had finished
 * phase 1 before it was sent. With leases, each acknowledgement also binds its sender for `leaseMs` on its own clock, so
 * the proof lasts; the leader counts from when it *sent* the heartbeat, never from the answer (T12, protocols 8).
 */
import type { NodeId } from '../ids.ts'
import type { QuorumSystem } from '../quorum.ts'

/** Granularity of both clocks, and what a sleep of the machine may last unnoticed, on top of their drift. */
const leaseMarginMs = 30

export class Heartbeats {
  readonly #self: NodeId
  readonly #quorums: QuorumSystem
  readonly #leaseMs: number
  readonly #acked = new Map<NodeId, number>()
  readonly #sentAt = new Map<number, number>()
  #seq = 0
  #confirmed = 0
  #leaseUntil = 0
  /** Sequence numbers up to here say nothing about leases: the clock jumped after they were sent. */
  #voidUpTo = 0

  constructor(self: NodeId, quorums: QuorumSystem, leaseMs: number, clockDriftMax: number) {
    this.#self = self
    this.#quorums = quorums
    this.#leaseMs = Math.max(0, (leaseMs * (1 - clockDriftMax)) / (1 + clockDriftMax) - leaseMarginMs)
  }

  /** The newest heartbeat that enough acceptors acknowledged. */
  get confirmed(): number {
    return this.#confirmed
  }

  send(now: number): number {
    this.#seq++
    this.#sentAt.set(this.#seq, now)
    this.#confirm()
    return this.#seq
  }

  onAck(from: NodeId, seq: number): void {
    if (seq > this.#seq || seq <= (this.#acked.get(from) ?? 0)) return
    this.#acked.set(from, seq)
    this.#confirm()
  }

  leaseHolds(now: number): boolean {
    return now < this.#leaseUntil
  }

  /** Nothing that was concluded from the clock holds any more. */
  voidLease(): void {
    this.#leaseUntil = 0
    this.#voidUpTo = this.#seq
  }

  /** A new leadership starts with nothing confirmed. Sequence numbers go on, so that late answers match nothing. */
  reset(): void {
    this.voidLease()
    this.#acked.clear()
    this.#sentAt.clear()
    this.#confirmed = this.#seq
  }

  #confirm(): void {
    const candidates = [this.#seq, ...this.#acked.values()].sort((a, b) => b - a)
    for (const seq of candidates) {
      if (seq <= this.#confirmed) return
      const nodes = new Set([this.#self])
      for (const [node, acked] of this.#acked) if (acked >= seq) nodes.add(node)
      if (!this.#quorums.meetsAllPhase1(nodes)) continue
      this.#onConfirmed(seq)
      return
    }
  }

  #onConfirmed(seq: number): void {
    const sentAt = this.#sentAt.get(seq)
    if (sentAt !== undefined && seq > this.#voidUpTo) this.#leaseUntil = sentAt + this.#leaseMs
    for (const sent of this.#sentAt.keys()) {
      if (sent > seq) break
      this.#sentAt.delete(sent)
    }
    this.#confirmed = seq
  }
}
