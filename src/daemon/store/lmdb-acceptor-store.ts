/**
 * Durable acceptor state as records of one tree (layout: keys.ts, framing: record.ts, how it becomes durable:
 * journaled-tree.ts).
 */

import { unreachable } from '../../base/assert.ts'
import type { Epoch } from '../../protocol/epoch.ts'
import { encodeEpoch } from '../../protocol/epoch-codec.ts'
import { type EpochNumber, firstSlot, type GroupId, nextSlot, type Slot } from '../../protocol/ids.ts'
import type { SlotEntry, SlotRange } from '../../protocol/multipaxos/message.ts'
import type { AcceptorStore, Done, GroupWrite, LoadedGroup } from '../../runtime/ports.ts'
import type { StoreUsageJson } from '../../wire/api-types.ts'
import { encodeBallot, encodeCount, encodeVote } from './acceptor-codec.ts'
import { readEntries, scanEpochs, scanLog } from './acceptor-load.ts'
import type { JournaledTree } from './journaled-tree.ts'
import { KeptVotes, type VotesBelow } from './kept-votes.ts'
import { epochKey, LogKeys } from './keys.ts'
import { encodeRecord } from './record.ts'
import type { TreeWrite } from './record-tree.ts'
import { scanLeftovers } from './scan-leftovers.ts'
import { settled } from './settled.ts'
import { usageOf } from './store-usage.ts'
import { VotePruner } from './vote-pruner.ts'

/**
 * A larger record is cut into pieces that fill one page each (a page is 4096 bytes, 24 of them its header). As one value
 * it would need a run of free pages side by side, and those get rare as a file ages. Measured for 4 MiB: 6.5 ms in pieces
 * of a page, 17 ms in pieces that share one, 3.2 ms as one value in a fresh file.
 */
export const pieceBytes = 4072

interface Log {
  readonly keys: LogKeys
  /** Further pieces of each vote that has any: those that a smaller vote in the same slot must remove. */
  readonly pieces: Map<Slot, number>
}

export class LmdbAcceptorStore implements AcceptorStore {
  readonly #tree: JournaledTree
  readonly #pruner: VotePruner
  readonly #kept: KeptVotes
  readonly #logs = new Map<string, Log>()

  /** `keptBytesMax`: of truncated votes that stay for `keptEntries`. */
  constructor(tree: JournaledTree, keptBytesMax = 0) {
    this.#tree = tree
    this.#pruner = new VotePruner(tree.environment)
    this.#kept = new KeptVotes(keptBytesMax)
  }

  load(group: GroupId, epoch: EpochNumber): LoadedGroup {
    const keys = this.#logs.get(nameOf(group, epoch))?.keys ?? new LogKeys(group, epoch)
    const { loaded, pieces } = scanLog(this.#tree, keys)
    this.#logs.set(nameOf(group, epoch), { keys, pieces: new Map(pieces) })
    const leftovers = this.#kept.leftovers()
    scanLeftovers(this.#tree, keys, loaded.truncatedUpTo, leftovers)
    this.#prune(this.#kept.found(keys, loaded.truncatedUpTo, leftovers))
    return loaded
  }

  /** The slots of a log that are truncated and still here. */
  keptRange(group: GroupId, epoch: EpochNumber): SlotRange {
    const log = this.#logs.get(nameOf(group, epoch))
    const { from, upTo: to } = log === undefined ? { from: firstSlot, upTo: firstSlot } : this.#kept.rangeOf(log.keys)
    return { from, to }
  }

  /** What was chosen in them, from `from` on: at least one entry if there is one. Throws PaxosError STORE_FAILED. */
  keptEntries(group: GroupId, epoch: EpochNumber, from: Slot, bytesMax: number): readonly SlotEntry[] {
    const log = this.#logs.get(nameOf(group, epoch))
    const range = this.keptRange(group, epoch)
    if (log === undefined || from < range.from) return []
    return readEntries(this.#tree, log.keys, from, range.to, bytesMax)
  }

  commit(writes: readonly GroupWrite[], done: Done): void {
    const truncations: (() => void)[] = []
    const records: TreeWrite[] = []
    const marks = new Map<Uint8Array, Uint8Array>()
    for (const { group, epoch, write } of writes) {
      const log = this.#log(group, epoch)
      switch (write.kind) {
        case 'vote':
          this.#addVote(records, log, write.slot, encodeVote(log.keys.vote(write.slot), write))
          break
        case 'promise':
          marks.set(log.keys.promise, encodeBallot(write.ballot))
          break
        case 'chosen':
          marks.set(log.keys.chosen, encodeCount(write.upTo))
          break
        case 'truncate':
          marks.set(log.keys.truncated, encodeCount(write.upTo))
          // What is below is not known to be chosen, and a hole says so after a restart.
          if (write.bySnapshot) records.push({ key: log.keys.vote(nextSlot(write.upTo, -1)), value: undefined })
          truncations.push(() => this.#truncated(log, write.upTo, write.bySnapshot === true))
          break
        case 'epoch':
          marks.set(epochKey(group, write.epoch.number), encodeEpoch(write.epoch))
          break
        default:
          unreachable(write)
      }
    }
    for (const [key, body] of marks) records.push({ key, value: encodeRecord(key, body) })
    this.#tree.write(records, (error) => {
      if (error === undefined) for (const note of truncations) note()
      done(error)
    })
  }

  /** Durable when the promise resolves; rejects with STORE_FAILED. */
  saveEpoch(group: GroupId, epoch: Epoch): Promise<void> {
    return settled((done) => this.commit([{ group, epoch: epoch.number, write: { kind: 'epoch', epoch } }], done))
  }

  usage(): StoreUsageJson {
    return usageOf(this.#tree.environment)
  }

  /** Rising numbers. Throws PaxosError DATA_DIR_REFUSED when one cannot be read. */
  loadEpochs(group: GroupId): readonly Epoch[] {
    return scanEpochs(this.#tree, group)
  }

  /** Waits for what is in flight, and closes the tree. */
  close(): Promise<void> {
    return this.#tree.close()
  }

  #addVote(records: TreeWrite[], log: Log, slot: Slot, record: Buffer): void {
    const before = log.pieces.get(slot) ?? 0
    const more = Math.ceil(record.length / pieceBytes) - 1
    for (let index = 0; index <= more; index++) {
      const piece = record.subarray(index * pieceBytes, (index + 1) * pieceBytes)
      records.push({ key: log.keys.piece(slot, index), value: piece })
    }
    for (let index = more + 1; index <= before; index++) {
      records.push({ key: log.keys.piece(slot, index), value: undefined })
    }
    if (more > 0) log.pieces.set(slot, more)
    else if (before > 0) log.pieces.delete(slot)
    this.#kept.wrote(record.length)
  }

  #truncated(log: Log, upTo: Slot, bySnapshot: boolean): void {
    for (const slot of log.pieces.keys()) if (slot < upTo) log.pieces.delete(slot)
    this.#prune(this.#kept.truncated(log.keys, upTo, bySnapshot))
  }

  /** Later: a step finds what is in LMDB. */
  #prune(expelled: readonly VotesBelow[]): void {
    if (expelled.length === 0) return
    this.#tree.whenFolded(() => {
      for (const { keys, upTo } of expelled) this.#pruner.add(keys, upTo)
      this.#tree.inBackground(() => this.#pruner.step())
    })
  }

  #log(group: GroupId, epoch: EpochNumber): Log {
    const name = nameOf(group, epoch)
    const known = this.#logs.get(name)
    if (known !== undefined) return known
    // Votes of an earlier run may be there, with pieces that smaller votes must remove.
    this.load(group, epoch)
    return this.#log(group, epoch)
  }
}

function nameOf(group: GroupId, epoch: EpochNumber): string {
  return `${group}/${epoch}`
}
