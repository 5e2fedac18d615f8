/**
 * A hash chain over what was applied: chain(s + 1) is a hash of chain(s), of the entry of slot s, and of what applying it
 * changed and answered. Members with the same value at a slot have applied the same entries below it, in the same way.
 *
 * - It covers the payload as it was chosen, each item that was written or deleted, each record of the audit trail, each
 *   reply but for its words, and the counters of the machine. It does not cover how things are stored: a newer version may store them otherwise.
 * - It lies in the view with the data, so it moves with them, and every replica has the same one at the same slot.
 * - Each `chainCheckpointSlots` slots its value is kept, so that an old difference can be found after a restart.
 * - Chains that began at different slots cannot be compared.
 *
 * Whatever changes the values of the chain needs a new beginning, at the same slot on all members.
 */
import { unreachable } from '../base/assert.ts'
import { toBinary } from '../base/bytes.ts'
import { HashWriter } from '../base/hash-writer.ts'
import type { Hash128 } from '../base/murmur3.ts'
import type { Entry } from '../protocol/entry.ts'
import { type Slot, toSlot } from '../protocol/ids.ts'
import { chainCheckpointSlots, chainCheckpointsKept } from './bounds.ts'
import { chainKey } from './layout.ts'
import type { Key, OperationResult, Reply } from './request.ts'
import type { TrailChanges } from './trail.ts'
import type { View } from './view.ts'

/** 16 bytes as a binary string, so that `===` compares them. */
export type ChainValue = string

/** What applying an entry does to items. */
export interface ItemChanges {
  written(key: Key, createRevision: number, version: number, value: Uint8Array): void
  deleted(key: Key): void
}

const entryKinds = { batch: 0, noop: 1, barrier: 2, stopSign: 3 } as const satisfies Record<Entry['kind'], number>
/** What follows in the text that is hashed. */
const noted = {
  written: 1,
  deleted: 2,
  end: 3,
  put: 4,
  delete: 5,
  txn: 6,
  compact: 7,
  session: 8,
  error: 9,
  audited: 10,
  note: 11,
} as const

export class Chain implements ItemChanges, TrailChanges {
  readonly #words: Hash128 = new Int32Array(4)
  readonly #writer = new HashWriter(this.#words)
  #since = toSlot(0)

  /** At `since` the value is zero. */
  get since(): Slot {
    return this.#since
  }

  /** The live value, of everything applied. */
  get words(): Hash128 {
    return this.#words
  }

  reload(since: number, value: Uint8Array): void {
    this.#since = toSlot(since)
    const view = new DataView(value.buffer, value.byteOffset, chainBytes)
    for (let at = 0; at < 4; at++) this.#words[at] = view.getInt32(4 * at)
  }

  begin(slot: Slot, { kind, payload }: Entry): void {
    this.#writer.number(slot).number(entryKinds[kind]).bytes(payload)
  }

  written(key: Key, createRevision: number, version: number, value: Uint8Array): void {
    this.#writer.numbers(noted.written, createRevision, version).binary(key).bytes(value)
  }

  deleted(key: Key): void {
    this.#writer.number(noted.deleted).binary(key)
  }

  audited(number: number, record: Uint8Array): void {
    this.#writer.number(noted.audited).number(number).bytes(record)
  }

  answered(reply: Reply): void {
    writeReply(this.#writer, reply)
  }

  /** `counters` is what else the entry moved. Everything below `upTo` is applied. */
  end(view: View, upTo: Slot, counters: readonly number[]): void {
    this.#writer.number(noted.end)
    for (const counter of counters) this.#writer.number(counter)
    this.#writer.flush()
    if (upTo % chainCheckpointSlots === 0) this.#keep(view, upTo)
  }

  value(): Uint8Array {
    return bytesOf(this.#words)
  }

  /** At a checkpoint that is still kept, at the beginning, or undefined. */
  checkpoint(view: View, slot: Slot): ChainValue | undefined {
    if (slot === this.#since) return chainZero
    if (slot < this.#since || slot % chainCheckpointSlots !== 0) return undefined
    const record = view.get(chainKey(slot))
    return record === undefined ? undefined : toBinary(record)
  }

  #keep(view: View, upTo: Slot): void {
    view.put(chainKey(upTo), this.value())
    const oldest = upTo - chainCheckpointSlots * chainCheckpointsKept
    if (oldest > this.#since) view.delete(chainKey(oldest))
  }
}

export const chainBytes = 16
export const chainZero: ChainValue = '\0'.repeat(chainBytes)

export function chainValueOf(words: Hash128): ChainValue {
  return toBinary(bytesOf(words))
}

function bytesOf(words: Hash128): Uint8Array {
  const bytes = new Uint8Array(chainBytes)
  const view = new DataView(bytes.buffer)
  for (let at = 0; at < 4; at++) view.setInt32(4 * at, words[at] as number)
  return bytes
}

function writeReply(to: HashWriter, reply: Reply): void {
  switch (reply.kind) {
    case 'put':
      to.numbers(noted.put, reply.revision, reply.version)
      return
    case 'delete':
      to.numbers(noted.delete, reply.revision, reply.deleted)
      return
    case 'txn':
      to.numbers(noted.txn, reply.revision, Number(reply.succeeded)).number(reply.results.length)
      for (const result of reply.results) writeResult(to, result)
      return
    case 'compact':
      to.numbers(noted.compact, reply.revision, reply.compacted)
      return
    case 'session':
      to.numbers(noted.session, reply.id, reply.ttlMs)
      return
    case 'noted':
      to.number(noted.note).number(reply.number)
      return
    case 'error':
      to.number(noted.error).binary(reply.code)
      return
    default:
      unreachable(reply)
  }
}

function writeResult(to: HashWriter, result: OperationResult): void {
  switch (result.kind) {
    case 'put':
      to.number(noted.put).number(result.version)
      return
    case 'delete':
      to.number(noted.delete).number(result.deleted)
      return
    case 'get':
      to.numbers(noted.txn, Number(result.more), result.items.length)
      for (const { key, modRevision, value } of result.items) to.binary(key).number(modRevision).bytes(value)
      return
    default:
      unreachable(result)
  }
}
