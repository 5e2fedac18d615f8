import type { Ballot } from '../protocol/ballot.ts'
import { type Epoch, isMember } from '../protocol/epoch.ts'
import { firstGroup, type NodeId, nextSlot, type Slot } from '../protocol/ids.ts'
import type { SlotEntry } from '../protocol/multipaxos/message.ts'
import { survivorLog } from '../protocol/recovery/survivor.ts'
import type { AcceptorStore, GroupWrite } from './ports.ts'

/** Of a recovery, what is written into the acceptor state of each survivor. */
export interface DecidedRecovery {
  /** All that have begun before `next`. */
  readonly epochs: readonly Epoch[]
  readonly next: Epoch
  readonly logs: readonly DecidedLog[]
}

export interface DecidedLog {
  readonly epoch: number
  /** Above everything that was promised or voted in it. */
  readonly ballot: Ballot
  readonly from: Slot
  readonly entries: readonly SlotEntry[]
}

/**
 * One transaction for one survivor: the decided entries as chosen, the stop sign after them, the promise above all others,
 * the next epoch.
 */
export function recoveredWrites(
  { epochs, next, logs }: DecidedRecovery,
  self: NodeId,
  store: Pick<AcceptorStore, 'loadEpochs' | 'load'>,
): readonly GroupWrite[] {
  const group = firstGroup
  const newest = store.loadEpochs(group).at(-1)?.number ?? 0
  const begun = [...epochs, next].filter((epoch) => epoch.number > newest)
  const writes: GroupWrite[] = begun.map((epoch) => ({ group, epoch: epoch.number, write: { kind: 'epoch', epoch } }))
  for (const { epoch: number, ballot, from, entries } of logs) {
    const epoch = epochs.find((each) => each.number === number)
    // A node that is no member of an epoch keeps no log of it; it gets the data from one that is.
    if (epoch === undefined || !isMember(epoch, self)) continue
    const { log } = survivorLog(epoch, store.load(group, epoch.number))
    const at = { group, epoch: epoch.number }
    writes.push({ ...at, write: { kind: 'promise', ballot } })
    for (const { slot, entry } of entries) {
      if (slot >= log.truncatedUpTo) writes.push({ ...at, write: { kind: 'vote', slot, ballot, entry, chosen: true } })
    }
    // With a hole below, the watermark would claim what is not here; the node fetches it from the others.
    const upTo = nextSlot(from, entries.length)
    if (log.heldUpTo >= from) writes.push({ ...at, write: { kind: 'chosen', upTo } })
  }
  return writes
}
