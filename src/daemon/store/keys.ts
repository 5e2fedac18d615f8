/**
 * Keys of the acceptor environment. Byte order is the order of what they name.
 *
 *   01                                    identity
 *   02                                    incarnation
 *   03 node                               disk of another node, and the last incarnation in which it was met
 *   04                                    incarnations of this node
 *   05                                    how much of the journal is in here (journal-codec.ts)
 *   10 group 00 epoch                     epoch
 *   20 group 00 epoch 01                  promise
 *   20 group 00 epoch 02                  chosen watermark
 *   20 group 00 epoch 03                  truncated watermark
 *   20 group 00 epoch 10 slot             vote, or its first piece
 *   20 group 00 epoch 10 slot index       a further piece of a large vote, index from 1
 *
 * Node, epoch and slot are u64, index is u16. A group id has no NUL in it.
 */
import { ByteReader, ByteWriter, equalBytes, toBinary } from '../../base/bytes.ts'
import { type EpochNumber, type GroupId, type NodeId, type Slot, toNodeId, toSlot } from '../../protocol/ids.ts'

const peerIncarnationSpace = 0x03
const epochSpace = 0x10
const logSpace = 0x20
const voteKind = 0x10

export const identityKey = Uint8Array.of(0x01)
export const incarnationKey = Uint8Array.of(0x02)
export const ownIncarnationsKey = Uint8Array.of(0x04)
export const journalKey = Uint8Array.of(0x05)

export interface KeyBounds {
  readonly start: Uint8Array
  /** Exclusive. */
  readonly end: Uint8Array
}

export const peerIncarnationKeys: KeyBounds = {
  start: Uint8Array.of(peerIncarnationSpace),
  end: Uint8Array.of(peerIncarnationSpace + 1),
}

export function peerIncarnationKey(node: NodeId): Uint8Array {
  return new ByteWriter(9).u8(peerIncarnationSpace).u64(node).finish()
}

export function peerOf(key: Uint8Array): NodeId {
  return toNodeId(new ByteReader(key.subarray(1)).u64())
}

export function epochKey(group: GroupId, epoch: EpochNumber): Uint8Array {
  return new ByteWriter(48).u8(epochSpace).rawBinary(group).u8(0).u64(epoch).finish()
}

export function epochBounds(group: GroupId): KeyBounds {
  return {
    start: new ByteWriter(40).u8(epochSpace).rawBinary(group).u8(0).finish(),
    end: new ByteWriter(40).u8(epochSpace).rawBinary(group).u8(1).finish(),
  }
}

/** The keys of one epoch of one group. */
export class LogKeys {
  readonly promise: Uint8Array
  readonly chosen: Uint8Array
  readonly truncated: Uint8Array
  /** Of every vote and every piece. */
  readonly votes: KeyBounds
  readonly #votePrefix: Uint8Array

  constructor(group: GroupId, epoch: EpochNumber) {
    const prefix = new ByteWriter(48).u8(logSpace).rawBinary(group).u8(0).u64(epoch).finish()
    const kind = (n: number): Uint8Array => new ByteWriter(48).raw(prefix).u8(n).finish()
    this.promise = kind(0x01)
    this.chosen = kind(0x02)
    this.truncated = kind(0x03)
    this.votes = { start: kind(voteKind), end: kind(voteKind + 1) }
    this.#votePrefix = this.votes.start
  }

  vote(slot: Slot): Uint8Array {
    return new ByteWriter(this.#votePrefix.length + 10).raw(this.#votePrefix).u64(slot).finish()
  }

  /** `index` 0 is the vote's own key. */
  piece(slot: Slot, index: number): Uint8Array {
    if (index === 0) return this.vote(slot)
    return new ByteWriter(this.#votePrefix.length + 10).raw(this.#votePrefix).u64(slot).u16(index).finish()
  }

  /** What a key within `votes` names; undefined when it is damaged. */
  parse(key: Uint8Array): { readonly slot: Slot; readonly piece: number } | undefined {
    const prefix = this.#votePrefix.length
    const rest = key.length - prefix
    if ((rest !== 8 && rest !== 10) || !equalBytes(key.subarray(0, prefix), this.#votePrefix)) return undefined
    const reader = new ByteReader(key.subarray(prefix))
    const high = reader.u32()
    // Above 2^53 is damage as well; no slot gets there.
    if (high > 0x1fffff) return undefined
    const slot = toSlot(high * 0x100000000 + reader.u32())
    if (rest === 8) return { slot, piece: 0 }
    const piece = reader.u16()
    return piece === 0 ? undefined : { slot, piece }
  }
}

const singles = new Set([identityKey, incarnationKey, ownIncarnationsKey, journalKey].map(([space]) => space))

/** False for a key that no version of this format writes. Used to find damage when a directory is opened. */
export function isWellFormedKey(key: Uint8Array): boolean {
  const space = key[0]
  if (singles.has(space)) return key.length === 1
  if (space === peerIncarnationSpace) return key.length === 9
  if (space !== epochSpace && space !== logSpace) return false
  const nul = key.indexOf(0, 1)
  if (nul < 0 || !/^[a-z0-9][a-z0-9-]{0,31}$/.test(toBinary(key.subarray(1, nul)))) return false
  const rest = key.length - nul - 1
  if (space === epochSpace) return rest === 8
  const kind = key[nul + 9]
  if (kind === voteKind) return rest === 17 || rest === 19
  return rest === 9 && (kind === 0x01 || kind === 0x02 || kind === 0x03)
}
