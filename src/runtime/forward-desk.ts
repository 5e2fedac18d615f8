/**
 * Requests that other nodes hand to this one because they believe that it leads, and what they are told.
 *
 * - a copy of a request that waits here already is dropped: whoever forwards asks again and again, and each copy would go
 *   through the log.
 * - one without a session is taken at most once, whether it is done or refused.
 * - a refusal says "certainly not done", so what was refused once is never done: a late copy is refused as well.
 */
import { errorCodes } from '../base/error.ts'
import { isStamped } from '../machine/command-codec.ts'
import type { Incarnation, NodeId } from '../protocol/ids.ts'
import { Outcomes } from './outcomes.ts'
import type { Outcome, RuntimeMessage } from './peer-message.ts'
import { SeenForwards } from './seen-forwards.ts'

type Forward = Extract<RuntimeMessage, { kind: 'forward' }>
type Forwarded = Extract<RuntimeMessage, { kind: 'forwarded' }>

export interface ForwardDeskHost {
  /** Why it cannot be taken now; undefined when it can. */
  refusal(request: Uint8Array): Outcome | undefined
  /** Queues the request; `answer` is called once. */
  enqueue(request: Uint8Array, answer: (outcome: Outcome) => void): void
  /** There is something to send. */
  schedule(): void
}

export class ForwardDesk {
  readonly #incarnation: Incarnation
  readonly #host: ForwardDeskHost
  readonly #seen = new SeenForwards()
  readonly #refused = new SeenForwards()
  readonly #waiting = new Map<NodeId, Set<number>>()
  readonly #outcomes = new Outcomes()

  constructor(incarnation: Incarnation, host: ForwardDeskHost) {
    this.#incarnation = incarnation
    this.#host = host
  }

  onForward(from: NodeId, { incarnation, requests }: Forward): void {
    // A late copy of what an earlier incarnation of this node may have done. No answer: a refusal would have it sent again.
    if (incarnation !== this.#incarnation) return
    for (const { id, request } of requests) this.#take(from, id, request)
  }

  /** Hands out what is to be sent since the last time. */
  takeOutcomes(send: (to: NodeId, message: Forwarded) => void): void {
    this.#outcomes.take((to, outcomes) => send(to, { kind: 'forwarded', outcomes }))
  }

  #take(from: NodeId, id: number, request: Uint8Array): void {
    const waiting = this.#waitingOf(from)
    if (waiting.has(id)) return
    if (!isStamped(request) && !this.#seen.isFirst(from, id)) return
    const refusal = this.#refused.has(from, id) ? notLeading : this.#host.refusal(request)
    if (refusal !== undefined) {
      this.#answer(from, id, refusal)
      return
    }
    waiting.add(id)
    this.#host.enqueue(request, (outcome) => {
      waiting.delete(id)
      this.#answer(from, id, outcome)
    })
  }

  #answer(from: NodeId, id: number, outcome: Outcome): void {
    if (outcome.kind === 'failed' && errorCodes[outcome.code].done === 'no') this.#refused.isFirst(from, id)
    this.#outcomes.add(from, id, outcome)
    this.#host.schedule()
  }

  #waitingOf(from: NodeId): Set<number> {
    const waiting = this.#waiting.get(from) ?? new Set()
    this.#waiting.set(from, waiting)
    return waiting
  }
}

const notLeading: Outcome = { kind: 'failed', code: 'NO_LEADER', message: 'The node that was asked does not lead.' }
