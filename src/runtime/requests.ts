/**
 * Client requests on their way through this node, and what is known of each.
 *
 * - queued: certainly not done, unless an earlier copy of it is still about. It may be refused, forwarded or proposed.
 * - proposed: in a batch that is bound to a slot. When that slot is learned, the batch was chosen there (and its replies are
 *   the answer), or another entry was, and then it certainly is not done and goes back to the queue.
 * - forwarded: the leader has it, or lost it. Only a request with a session may be sent again (protocols 11), and from then on
 *   no refusal says that it is not done: an earlier copy may be.
 * - a request that another node forwarded goes no further: were it forwarded again, the copies would multiply with every
 *   change of leader.
 *
 * A proposed or forwarded request that runs out of time has an unknown outcome; it is never called failed.
 */
import { assert } from '../base/assert.ts'
import type { ErrorCode } from '../base/error.ts'
import { isStamped } from '../machine/command-codec.ts'
import type { Reply } from '../machine/request.ts'
import { type Entry, sameEntry } from '../protocol/entry.ts'
import type { NodeId, Slot } from '../protocol/ids.ts'
import type { GrowthGate } from './growth-gate.ts'
import type { Outcome } from './peer-message.ts'

export interface PendingRequest {
  readonly bytes: Uint8Array
  readonly arrivedAt: number
  readonly deadline: number
  /** `proposedAt` is 0 when it never was. */
  readonly finish: (outcome: Outcome, proposedAt: number, chosenAt: number) => void
  /** Another node forwarded it, and forwards it again when this one does not lead. */
  readonly isForeign: boolean
  proposedAt: number
  isFinished: boolean
  /** A copy went to another node, and nobody knows what became of it. */
  mayBeDone: boolean
}

export function pendingRequest(
  bytes: Uint8Array,
  arrivedAt: number,
  deadline: number,
  finish: PendingRequest['finish'],
  isForeign: boolean,
): PendingRequest {
  return { bytes, arrivedAt, deadline, finish, isForeign, proposedAt: 0, isFinished: false, mayBeDone: false }
}

interface Proposed {
  readonly entry: Entry
  readonly requests: readonly PendingRequest[]
}

interface Forwarded {
  readonly request: PendingRequest
  leader: NodeId
  sentAt: number
}

export interface QueueLimits {
  readonly queueRequestsMax: number
  readonly queueBytesMax: number
}

/** Rough memory of one queued request beside its bytes. */
const requestOverheadBytes = 200

export class Requests {
  readonly #limits: QueueLimits
  readonly #growthGate: GrowthGate
  #queue: PendingRequest[] = []
  #head = 0
  #queuedBytes = 0
  /** Sent back by a node that does not lead: tried again at the next tick, not at once. */
  #returned: PendingRequest[] = []
  /** Mostly one a slot; more when this node led before and bound the slot then as well. */
  readonly #proposed = new Map<Slot, Proposed[]>()
  readonly #forwarded = new Map<number, Forwarded>()
  #forwardId: number

  /** `firstForwardId` is above every one that this node used before it was restarted. */
  constructor(limits: QueueLimits, growthGate: GrowthGate, firstForwardId: number) {
    this.#limits = limits
    this.#growthGate = growthGate
    this.#forwardId = firstForwardId
  }

  get queued(): number {
    return this.#queue.length - this.#head + this.#returned.length
  }

  /** Requests whose outcome is open elsewhere: in a slot, or at the leader. */
  get hasOpen(): boolean {
    return this.#proposed.size > 0 || this.#forwarded.size > 0
  }

  /** Why a request cannot be taken now: for want of room in the queue, or for its data. */
  refusal(request: Uint8Array, queueFull: Outcome): Outcome | undefined {
    return this.hasRoom(request.length) ? this.#growthGate.refusal(request) : queueFull
  }

  hasRoom(bytes: number): boolean {
    return this.queued < this.#limits.queueRequestsMax && this.#queuedBytes + bytes <= this.#limits.queueBytesMax
  }

  add(request: PendingRequest): void {
    this.#queue.push(request)
    this.#queuedBytes += weight(request)
  }

  /** The next requests in order, at least one if there is one. */
  take(bytesMax: number, countMax: number): PendingRequest[] {
    const taken: PendingRequest[] = []
    let bytes = 0
    while (this.#head < this.#queue.length && taken.length < countMax) {
      const request = this.#queue[this.#head]
      assert(request !== undefined, 'the queue has holes')
      if (taken.length > 0 && bytes + request.bytes.length > bytesMax) break
      this.#head++
      this.#queuedBytes -= weight(request)
      if (request.isFinished) continue
      bytes += request.bytes.length
      taken.push(request)
    }
    if (this.#head === this.#queue.length) {
      this.#queue = []
      this.#head = 0
    } else if (this.#head > 4096) {
      this.#queue = this.#queue.slice(this.#head)
      this.#head = 0
    }
    return taken
  }

  onProposed(slot: Slot, entry: Entry, requests: readonly PendingRequest[]): void {
    const before = this.#proposed.get(slot)
    // A phase 1 that left the slot free proves only that what was bound before is not chosen yet. A later leader may find
    // a vote for it that this phase 1 did not see, and choose it there: it stays open until the slot is decided.
    if (before === undefined) this.#proposed.set(slot, [{ entry, requests }])
    else before.push({ entry, requests })
  }

  /** The slot's entry is applied; `replies` are those of the entry, in the order of its requests. */
  onApplied(slot: Slot, entry: Entry, replies: readonly Reply[], now: number): void {
    const proposed = this.#proposed.get(slot) ?? []
    this.#proposed.delete(slot)
    for (const { entry: bound, requests } of proposed) {
      // Another entry took the slot, and this batch was proposed nowhere else.
      if (sameEntry(bound, entry)) this.#answer(slot, requests, replies, now)
      else this.#requeue(requests)
    }
  }

  /** The slots below were skipped by a snapshot, which does not say what became of each request. */
  onSkipped(upTo: Slot, now: number): void {
    for (const [slot, proposed] of this.#proposed) {
      if (slot >= upTo) continue
      this.#proposed.delete(slot)
      for (const request of proposed.flatMap(({ requests }) => requests)) {
        finish(request, unknown('a snapshot replaced the log around it'), now)
      }
    }
  }

  /** Gives requests to the leader; the ids are for its answers. */
  forward(requests: readonly PendingRequest[], leader: NodeId, now: number): { id: number; request: Uint8Array }[] {
    const forwards: { id: number; request: Uint8Array }[] = []
    for (const request of requests) {
      if (request.isForeign) {
        fail(request, 'NO_LEADER', 'The node that was asked does not lead any more.', now)
        continue
      }
      this.#forwardId++
      request.proposedAt = now
      this.#forwarded.set(this.#forwardId, { request, leader, sentAt: now })
      forwards.push({ id: this.#forwardId, request: request.bytes })
    }
    return forwards
  }

  onForwarded(from: NodeId, id: number, outcome: Outcome, now: number): void {
    const forwarded = this.#forwarded.get(id)
    if (forwarded === undefined || forwarded.leader !== from) return
    this.#forwarded.delete(id)
    if (outcome.kind === 'failed' && outcome.code === 'NO_LEADER') this.#returned.push(forwarded.request)
    else if (outcome.kind === 'failed') fail(forwarded.request, outcome.code, outcome.message, now)
    else finish(forwarded.request, outcome, now)
  }

  /**
   * What should be sent again: requests with a session that went to another leader, or were not answered for long. One
   * without a session that went to another leader can only be given up: sent again, it might be done twice.
   */
  takeResends(leader: NodeId, now: number, resendMs: number): { id: number; request: Uint8Array }[] {
    const resends: { id: number; request: Uint8Array }[] = []
    for (const [id, forwarded] of this.#forwarded) {
      const hasMoved = forwarded.leader !== leader
      if (!hasMoved && now - forwarded.sentAt < resendMs) continue
      if (isStamped(forwarded.request.bytes)) {
        forwarded.leader = leader
        forwarded.sentAt = now
        forwarded.request.mayBeDone = true
        resends.push({ id, request: forwarded.request.bytes })
      } else if (hasMoved) {
        this.#forwarded.delete(id)
        finish(forwarded.request, unknown('the leader that had it leads no longer'), now)
      }
    }
    return resends
  }

  /** This node leads now: what it had given to another leader comes back, if it is safe to propose again. */
  takeBack(now: number): void {
    const back: PendingRequest[] = []
    for (const { request } of this.#forwarded.values()) {
      request.mayBeDone = true
      if (isStamped(request.bytes)) back.push(request)
      else finish(request, unknown('the leader that had it leads no longer'), now)
    }
    this.#forwarded.clear()
    this.#requeue(back)
  }

  /** Ends what is too late, and puts back what was returned. */
  onTick(now: number, queuedCode: ErrorCode, queuedMessage: string): void {
    this.#requeue(this.#returned)
    this.#returned = []
    const waiting = this.#queue.slice(this.#head)
    const late = waiting.filter((request) => request.deadline <= now)
    if (late.length > 0) {
      this.#queue = waiting.filter((request) => request.deadline > now)
      this.#head = 0
      for (const request of late) {
        this.#queuedBytes -= weight(request)
        fail(request, queuedCode, queuedMessage, now)
      }
    }
    for (const proposed of this.#proposed.values()) {
      for (const request of proposed.flatMap(({ requests }) => requests)) {
        if (request.deadline <= now) finish(request, unknown('it was proposed, and no quorum answered in time'), now)
      }
    }
    for (const [id, { request }] of this.#forwarded) {
      if (request.deadline > now) continue
      this.#forwarded.delete(id)
      finish(request, unknown('it was given to the leader, which did not answer in time'), now)
    }
  }

  /** The node stops: what is queued is certainly not done, the rest is open. */
  close(now: number): void {
    for (const request of this.take(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)) {
      fail(request, 'STOPPING', 'The node is stopping.', now)
    }
    for (const request of this.#returned.splice(0)) fail(request, 'STOPPING', 'The node is stopping.', now)
    const open = [...this.#proposed.values()].flat().flatMap(({ requests }) => requests)
    for (const { request } of this.#forwarded.values()) open.push(request)
    this.#proposed.clear()
    this.#forwarded.clear()
    for (const request of open) finish(request, unknown('the node stopped before it was decided'), now)
  }

  #answer(slot: Slot, requests: readonly PendingRequest[], replies: readonly Reply[], now: number): void {
    assert(replies.length === requests.length, 'slot %s has %s replies', slot, replies.length)
    requests.forEach((request, index) => {
      const reply = replies[index]
      assert(reply !== undefined, 'slot %s has no reply %s', slot, index)
      finish(request, { kind: 'replied', reply }, now)
    })
  }

  #requeue(requests: readonly PendingRequest[]): void {
    if (requests.length === 0) return
    const open = requests.filter((request) => !request.isFinished)
    this.#queue = [...open, ...this.#queue.slice(this.#head)]
    this.#head = 0
    for (const request of open) this.#queuedBytes += weight(request)
  }
}

function finish(request: PendingRequest, outcome: Outcome, now: number): void {
  if (request.isFinished) return
  request.isFinished = true
  request.finish(outcome, request.proposedAt, now)
}

/** This copy is not done. Whether the request is depends on the others. */
function fail(request: PendingRequest, code: ErrorCode, message: string, now: number): void {
  if (request.mayBeDone) finish(request, unknown('it was sent more than once'), now)
  else finish(request, { kind: 'failed', code, message }, now)
}

function unknown(why: string): Outcome {
  return { kind: 'failed', code: 'OUTCOME_UNKNOWN', message: `The request may or may not be done: ${why}.` }
}

function weight(request: PendingRequest): number {
  return request.bytes.length + requestOverheadBytes
}
