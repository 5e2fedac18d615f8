import { assert } from '../base/assert.ts'
import { sessionWindow } from './bounds.ts'
import { repliesKey, repliesRange, slotOfReplies } from './layout.ts'
import { decodeReplies, encodeReplies, type StoredReply, storedReplyBytes } from './records.ts'
import type { View } from './view.ts'

/**
 * The stored replies of one session. All that one slot gives are one record, which goes when the last of them is
 * acknowledged: a client with a thousand requests in flight costs one write per slot, not a thousand.
 */
export class SessionReplies {
  readonly #view: View
  readonly #id: number
  readonly #slotOfSeq = new Map<number, number>()
  readonly #slots = new Map<number, { unacked: number; bytes: number }>()
  /** Of the slot that is being applied: in no record yet. */
  #fresh: StoredReply[] = []
  #bytes = 0

  constructor(view: View, id: number, ackedBelow: number) {
    this.#view = view
    this.#id = id
    const { start, end } = repliesRange(id)
    for (const [key, record] of view.range(start, end)) {
      const slot = slotOfReplies(key)
      for (const reply of decodeReplies(record)) this.#count(slot, reply, reply.seq >= ackedBelow)
    }
  }

  /** Of all records. */
  get bytes(): number {
    return this.#bytes
  }

  get(seq: number): Uint8Array | undefined {
    const slot = this.#slotOfSeq.get(seq)
    if (slot === undefined) return undefined
    const record = this.#view.get(repliesKey(this.#id, slot))
    const replies = record === undefined ? this.#fresh : decodeReplies(record)
    const found = replies.find((each) => each.seq === seq)
    assert(found !== undefined, 'reply %s of session %s is lost', seq, this.#id)
    return found.reply
  }

  add(slot: number, seq: number, reply: Uint8Array): void {
    assert(!this.#slotOfSeq.has(seq), 'a second reply to %s in session %s', seq, this.#id)
    const stored = { seq, reply }
    this.#fresh.push(stored)
    this.#count(slot, stored, true)
  }

  /** Forgets replies to sequence numbers in [from, below): `from` is what was acknowledged before. */
  forget(from: number, below: number): void {
    const end = Math.min(below, from + sessionWindow)
    for (let seq = from; seq < end; seq++) {
      const slot = this.#slotOfSeq.get(seq)
      if (slot !== undefined) this.#forgetOne(seq, slot)
    }
  }

  /** Ends the slot that is being applied. */
  write(slot: number): void {
    if (this.#fresh.length === 0) return
    this.#view.put(repliesKey(this.#id, slot), encodeReplies(this.#fresh))
    this.#fresh = []
  }

  #count(slot: number, reply: StoredReply, unacked: boolean): void {
    const bytes = storedReplyBytes(reply)
    const record = this.#slots.get(slot) ?? { unacked: 0, bytes: 0 }
    this.#slots.set(slot, record)
    record.bytes += bytes
    this.#bytes += bytes
    if (!unacked) return
    record.unacked++
    this.#slotOfSeq.set(reply.seq, slot)
  }

  #forgetOne(seq: number, slot: number): void {
    this.#slotOfSeq.delete(seq)
    const record = this.#slots.get(slot)
    assert(record !== undefined, 'no record of slot %s in session %s', slot, this.#id)
    record.unacked--
    if (record.unacked > 0) return
    this.#slots.delete(slot)
    this.#bytes -= record.bytes
    const fresh = this.#fresh.some((each) => each.seq === seq)
    if (fresh) this.#fresh = []
    else this.#view.delete(repliesKey(this.#id, slot))
  }
}
