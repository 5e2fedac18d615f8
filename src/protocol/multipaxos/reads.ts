/**
 * Linearizable reads that do not touch the log (protocols 8).
 *
 * At a leader whose barrier is chosen: fix `upTo` = its chosen watermark, then let a heartbeat that was sent afterwards be
 * acknowledged widely enough. Reads that arrive while one such heartbeat is out wait for the next, so there is one
 * heartbeat for many reads. With a lease that holds there is none; the caller looks at the lease again afterwards.
 * Elsewhere: ask the leader for `upTo`.
 */
import type { Effect } from '../effect.ts'
import type { Incarnation, NodeId, Slot } from '../ids.ts'

/** One read to answer: of this node's own driver, or of another node. */
type Reader =
  | { readonly kind: 'local'; readonly read: number }
  | { readonly kind: 'remote'; readonly from: NodeId; readonly id: number }

/** Questions in one incarnation of a node. Ids stay safe integers for two million restarts. */
const questionsMax = 2 ** 32

interface Batch {
  readonly readers: readonly Reader[]
  readonly upTo: Slot
  /** Confirmed when a heartbeat of at least this number is. */
  readonly seq: number
}

export class Reads {
  #waiting: Reader[] = []
  #sent: Batch | undefined
  /** Reads of this node that wait for the leader's answer, by question. */
  readonly #asked = new Map<
    number,
    { readonly reads: readonly number[]; readonly at: number; readonly leader: NodeId }
  >()
  #question: number

  /** Ids go on from one incarnation to the next: a late answer to an earlier one's question is older than the reads of this one. */
  constructor(incarnation: Incarnation) {
    this.#question = incarnation * questionsMax
  }

  add(reader: Reader): void {
    this.#waiting.push(reader)
  }

  /** A heartbeat is wanted now: reads wait and none is out for them. */
  get wantsHeartbeat(): boolean {
    return this.#waiting.length > 0 && this.#sent === undefined
  }

  /** The heartbeat `seq` leaves now: what waits is answered by it. */
  onHeartbeatSent(seq: number, upTo: Slot): void {
    if (!this.wantsHeartbeat) return
    this.#sent = { readers: this.#waiting, upTo, seq }
    this.#waiting = []
  }

  onConfirmed(seq: number): Effect[] {
    if (this.#sent === undefined || seq < this.#sent.seq) return []
    const { readers, upTo } = this.#sent
    this.#sent = undefined
    return readers.map((reader) => answer(reader, upTo, 'readIndex'))
  }

  /** The lease holds: everything waiting may be served at once. */
  serveByLease(upTo: Slot): Effect[] {
    const readers = this.#waiting
    this.#waiting = []
    return readers.map((reader) => answer(reader, upTo, 'lease'))
  }

  /** This node does not lead: hand local reads to the leader, in one question. */
  forward(now: number, leader: NodeId | undefined): Effect[] {
    if (this.#waiting.length === 0) return []
    const effects = this.#refuseRemote()
    const reads = this.#waiting.flatMap((reader) => (reader.kind === 'local' ? [reader.read] : []))
    this.#waiting = []
    if (reads.length === 0) return effects
    if (leader === undefined) return [...effects, ...reads.map((read) => ({ kind: 'unreadable', read }) as const)]
    this.#question++
    this.#asked.set(this.#question, { reads, at: now, leader })
    return [...effects, { kind: 'send', to: [leader], message: { kind: 'readIndex', id: this.#question } }]
  }

  onReadIndexReply(from: NodeId, id: number, upTo: Slot | undefined): Effect[] {
    const asked = this.#asked.get(id)
    // Only the node that was asked answers for itself; ids are this node's own.
    if (asked === undefined || asked.leader !== from) return []
    this.#asked.delete(id)
    return asked.reads.map((read) =>
      upTo === undefined ? { kind: 'unreadable', read } : { kind: 'readable', read, upTo, by: 'readIndex' },
    )
  }

  /** Questions without an answer for this long were lost. */
  onTick(now: number, timeoutMs: number): Effect[] {
    const effects: Effect[] = []
    for (const [id, { reads, at }] of this.#asked) {
      if (now - at < timeoutMs) continue
      this.#asked.delete(id)
      for (const read of reads) effects.push({ kind: 'unreadable', read })
    }
    return effects
  }

  /** Leadership is lost: nobody may answer these reads on its strength. */
  abandon(): Effect[] {
    const readers = [...(this.#sent?.readers ?? []), ...this.#waiting]
    this.#sent = undefined
    this.#waiting = []
    return readers.map((reader) =>
      reader.kind === 'local'
        ? { kind: 'unreadable', read: reader.read }
        : { kind: 'send', to: [reader.from], message: { kind: 'readIndexReply', id: reader.id, upTo: undefined } },
    )
  }

  #refuseRemote(): Effect[] {
    return this.#waiting.flatMap((reader) =>
      reader.kind === 'remote'
        ? [
            {
              kind: 'send',
              to: [reader.from],
              message: { kind: 'readIndexReply', id: reader.id, upTo: undefined },
            } as const,
          ]
        : [],
    )
  }
}

function answer(reader: Reader, upTo: Slot, by: 'readIndex' | 'lease'): Effect {
  if (reader.kind === 'local') return { kind: 'readable', read: reader.read, upTo, by }
  return { kind: 'send', to: [reader.from], message: { kind: 'readIndexReply', id: reader.id, upTo } }
}
