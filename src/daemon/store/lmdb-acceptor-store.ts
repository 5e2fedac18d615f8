/**
 * Durable acceptor state in one LMDB tree (layout: keys.ts, framing: record.ts).
 *
 * Group commit comes from the library: all writes of one turn of the event loop, from however many calls of `commit`, go
 * into one transaction, and what arrives while that is being flushed goes into the next. A call is therefore never split
 * over two transactions, and calls take effect in order.
 *
 * Invariants:
 * - `done` is called only from the promise of the commit's own writes: pages flushed, then the meta page.
 * - a buffer given to LMDB is never touched again: it reads them later, by pointer.
 * - after the first failure nothing is acknowledged any more (fail-stop.ts).
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
import type { Environment } from './environment.ts'
import type { FailStop } from './fail-stop.ts'
import { KeptVotes } from './kept-votes.ts'
import { epochKey, LogKeys } from './keys.ts'
import { encodeRecord } from './record.ts'
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

/** Deletes ride in a commit up to this size for nothing; with more they wait, so that few pages change hands at once. */
const pruneWithinBytes = 64 * 1024
/** After this many large commits the deletes get a transaction of their own. */
const pruneSkipsMax = 16

interface Log {
  readonly keys: LogKeys
  /** Further pieces of each vote that has any: those that a smaller vote in the same slot must remove. */
  readonly pieces: Map<Slot, number>
}

export class LmdbAcceptorStore implements AcceptorStore {
  readonly #environment: Environment
  readonly #failStop: FailStop
  readonly #pruner: VotePruner
  readonly #kept: KeptVotes
  readonly #logs = new Map<string, Log>()
  #last: Promise<unknown> = Promise.resolve()
  #inFlight = 0
  #skips = 0
  #idleStep: NodeJS.Immediate | undefined
  /** Set while a prune step has the disk for itself; calls wait here for one flush. */
  #held: (() => void)[] | undefined
  #closing = false

  /** `keptBytesMax`: of truncated votes that stay for `keptEntries`. */
  constructor(environment: Environment, failStop: FailStop, keptBytesMax = 0) {
    this.#environment = environment
    this.#failStop = failStop
    this.#pruner = new VotePruner(environment)
    this.#kept = new KeptVotes(keptBytesMax)
  }

  load(group: GroupId, epoch: EpochNumber): LoadedGroup {
    const keys = this.#logs.get(nameOf(group, epoch))?.keys ?? new LogKeys(group, epoch)
    const { loaded, pieces } = scanLog(this.#environment, keys)
    this.#logs.set(nameOf(group, epoch), { keys, pieces: new Map(pieces) })
    const leftovers = this.#kept.leftovers()
    scanLeftovers(this.#environment, keys, loaded.truncatedUpTo, leftovers)
    for (const { keys: of, upTo } of this.#kept.found(keys, loaded.truncatedUpTo, leftovers)) this.#pruner.add(of, upTo)
    this.#pruneWhenIdle()
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
    return readEntries(this.#environment, log.keys, from, range.to, bytesMax)
  }

  commit(writes: readonly GroupWrite[], done: Done): void {
    if (this.#failStop.failed) this.#failStop.refuse(done)
    else if (this.#held !== undefined) this.#held.push(() => this.commit(writes, done))
    else this.#commitNow(writes, done)
  }

  /** Durable when the promise resolves; rejects with STORE_FAILED. */
  saveEpoch(group: GroupId, epoch: Epoch): Promise<void> {
    return settled((done) => this.#saveEpoch(group, epoch, done))
  }

  usage(): StoreUsageJson {
    return usageOf(this.#environment)
  }

  /** Rising numbers. Throws PaxosError DATA_DIR_REFUSED when one cannot be read. */
  loadEpochs(group: GroupId): readonly Epoch[] {
    return scanEpochs(this.#environment, group)
  }

  /** Waits for what is in flight. A failed environment stays open: closing it could wait for ever. */
  async close(): Promise<void> {
    this.#closing = true
    clearImmediate(this.#idleStep)
    while (this.#inFlight > 0 && !this.#failStop.failed) await this.#last.catch(() => {})
    if (!this.#failStop.failed) await this.#environment.close()
  }

  #saveEpoch(group: GroupId, epoch: Epoch, done: Done): void {
    if (this.#failStop.failed) {
      this.#failStop.refuse(done)
    } else if (this.#held !== undefined) {
      this.#held.push(() => this.#saveEpoch(group, epoch, done))
    } else {
      this.#put(epochKey(group, epoch.number), encodeEpoch(epoch))
      this.#track(done)
    }
  }

  #commitNow(writes: readonly GroupWrite[], done: Done): void {
    const truncated: (() => void)[] = []
    const marks = new Map<Uint8Array, Uint8Array>()
    let bytes = 0
    for (const { group, epoch, write } of writes) {
      const log = this.#log(group, epoch)
      switch (write.kind) {
        case 'vote':
          bytes += this.#putVote(log, write.slot, encodeVote(log.keys.vote(write.slot), write))
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
          if (write.bySnapshot) this.#queued(this.#environment.remove(log.keys.vote(nextSlot(write.upTo, -1))))
          truncated.push(() => this.#truncated(log, write.upTo, write.bySnapshot === true))
          break
        case 'epoch':
          marks.set(epochKey(group, write.epoch.number), encodeEpoch(write.epoch))
          break
        default:
          unreachable(write)
      }
    }
    for (const [key, body] of marks) this.#put(key, body)
    this.#pruneAlong(bytes)
    this.#track((error) => {
      if (error === undefined) for (const note of truncated) note()
      done(error)
      if (this.#inFlight === 0 && error === undefined) this.#pruneWhenIdle()
    })
  }

  #putVote(log: Log, slot: Slot, record: Buffer): number {
    const before = log.pieces.get(slot) ?? 0
    const more = Math.ceil(record.length / pieceBytes) - 1
    for (let index = 0; index <= more; index++) {
      const piece = record.subarray(index * pieceBytes, (index + 1) * pieceBytes)
      this.#queued(this.#environment.put(log.keys.piece(slot, index), piece))
    }
    for (let index = more + 1; index <= before; index++) {
      this.#queued(this.#environment.remove(log.keys.piece(slot, index)))
    }
    if (more > 0) log.pieces.set(slot, more)
    else if (before > 0) log.pieces.delete(slot)
    this.#kept.wrote(record.length)
    return record.length
  }

  #put(key: Uint8Array, body: Uint8Array): void {
    this.#queued(this.#environment.put(key, encodeRecord(key, body)))
  }

  /** A large turn has more than one promise for its one transaction; only the last is tracked. */
  #queued(settled: Promise<unknown> | undefined): void {
    if (settled === undefined || settled === this.#last) return
    settled.catch(() => {})
    this.#last = settled
  }

  /** A commit without writes is done when those before it are. */
  #track(done: Done): void {
    this.#inFlight++
    this.#failStop.track('acceptor.mdb', this.#last, (error) => {
      this.#inFlight--
      done(error)
    })
  }

  #truncated(log: Log, upTo: Slot, bySnapshot: boolean): void {
    for (const slot of log.pieces.keys()) if (slot < upTo) log.pieces.delete(slot)
    for (const { keys, upTo: below } of this.#kept.truncated(log.keys, upTo, bySnapshot)) this.#pruner.add(keys, below)
  }

  #pruneAlong(bytes: number): void {
    if (this.#pruner.idle) return
    if (bytes <= pruneWithinBytes) {
      this.#skips = 0
      this.#queued(this.#pruner.step())
    } else if (++this.#skips >= pruneSkipsMax) {
      this.#pruneWhenIdle()
    }
  }

  /** A step in a transaction of its own, once nothing else is in flight; commits that come meanwhile wait for it. */
  #pruneWhenIdle(): void {
    if (this.#pruner.idle || this.#idleStep !== undefined || this.#closing) return
    this.#idleStep = setImmediate(() => {
      this.#idleStep = undefined
      if (this.#closing || this.#failStop.failed) return
      if (this.#inFlight > 0 && this.#skips < pruneSkipsMax) return
      this.#skips = 0
      this.#held = []
      this.#track((error) => (error === undefined ? this.#pruneAlone() : this.#release()))
    })
  }

  #pruneAlone(): void {
    this.#queued(this.#pruner.step())
    this.#track((error) => {
      this.#release()
      if (error === undefined && this.#inFlight === 0) this.#pruneWhenIdle()
    })
  }

  #release(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const run of held) run()
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
