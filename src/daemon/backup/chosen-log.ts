import { setTimeout as pause } from 'node:timers/promises'
import { PaxosError } from '../../base/error.ts'
import type { Epoch } from '../../protocol/epoch.ts'
import { type EpochNumber, firstGroup, type GroupId, nextSlot, type Slot } from '../../protocol/ids.ts'
import type { SlotEntry, SlotRange } from '../../protocol/multipaxos/message.ts'
import type { ReplicaService } from '../../runtime/replica-service.ts'

/** Slots that are truncated and still on the disk; of LmdbAcceptorStore. */
export interface KeptLog {
  keptRange(group: GroupId, epoch: EpochNumber): SlotRange
  keptEntries(group: GroupId, epoch: EpochNumber, from: Slot, bytesMax: number): readonly SlotEntry[]
}

/** Slots of the log in memory that are looked at at once. */
const pageSlots = 16
/** The log is cut in memory a little before that is durable, and for so long a slot seems to be nowhere. */
const attempts = 100
const attemptMs = 20

/** What was chosen, epoch after epoch, as far back as this node has it: from its memory, and below that from its disk. */
export class ChosenLog {
  readonly #replica: Pick<ReplicaService, 'log' | 'epochs'>
  readonly #kept: KeptLog

  constructor(replica: Pick<ReplicaService, 'log' | 'epochs'>, kept: KeptLog) {
    this.#replica = replica
    this.#kept = kept
  }

  /** The first slot of the range that is not here any more; undefined when all of it is. */
  missing({ from, to }: SlotRange): Slot | undefined {
    for (let at = from; at < to; ) {
      const { epoch, end } = this.#epochOf(at)
      if (epoch === undefined) return at
      const { from: keptFrom, to: keptTo } = this.#kept.keptRange(firstGroup, epoch.number)
      const isKept = keptFrom <= at && at < keptTo
      if (!isKept && !this.#isHere(at, keptTo)) return at
      at = end ?? to
    }
    return undefined
  }

  /** In memory, or cut there a moment ago: then it is about to be among what is kept. */
  #isHere(slot: Slot, keptTo: Slot): boolean {
    const [line] = this.#replica.log({ from: slot, to: nextSlot(slot) })
    return line?.state === 'chosen' || (line?.state === 'truncated' && keptTo > 0 && slot >= keptTo)
  }

  /** Entries from `from` on and below `to`, at least one. Throws PaxosError COMPACTED when they are gone, STORE_FAILED. */
  async page({ from, to }: SlotRange, bytesMax: number): Promise<readonly SlotEntry[]> {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const { epoch, end } = this.#epochOf(from)
      const upTo = end === undefined || end > to ? to : end
      const kept = epoch === undefined ? [] : this.#kept.keptEntries(firstGroup, epoch.number, from, bytesMax)
      const found = kept.length > 0 ? kept : this.#inMemory(from, upTo, bytesMax)
      const wanted = found.filter(({ slot }) => slot < upTo)
      if (wanted.length > 0) return wanted
      await pause(attemptMs)
    }
    throw new PaxosError('COMPACTED', `Slot ${from} was removed from the log meanwhile`, {
      hint: 'A larger limits.backupLogBytesMax, 0 by default, keeps it for longer.',
    })
  }

  /** Chosen slots one after the other, all of one epoch. */
  #inMemory(from: Slot, to: Slot, bytesMax: number): SlotEntry[] {
    const entries: SlotEntry[] = []
    let bytes = 0
    const page = nextSlot(from, pageSlots)
    for (const { slot, state, entry } of this.#replica.log({ from, to: page < to ? page : to })) {
      if (slot !== nextSlot(from, entries.length) || state !== 'chosen' || entry === undefined) break
      entries.push({ slot, entry })
      bytes += entry.payload.length
      if (bytes >= bytesMax) break
    }
    return entries
  }

  /** In which epoch the slot was chosen, and where the next one begins. */
  #epochOf(slot: Slot): { readonly epoch: Epoch | undefined; readonly end: Slot | undefined } {
    const epochs = this.#replica.epochs()
    const index = epochs.findLastIndex(({ startSlot }) => startSlot <= slot)
    const [epoch, next] = [epochs[index], epochs[index + 1]]
    // Where an epoch ended that is not followed by the very next is not known here.
    const isFollowed = epoch !== undefined && (next === undefined || next.number === epoch.number + 1)
    return { epoch: isFollowed ? epoch : undefined, end: next?.startSlot }
  }
}
