import type { Epoch } from '../epoch.ts'
import { type Slot, toSlot } from '../ids.ts'
import type { Survivor } from './survivor.ts'

/**
 * The first slot whose chosen entry is in nobody's data and in nobody's log: up to here the machine can be brought, by what
 * members do for each other in ordinary operation, snapshots and catch-up.
 */
export function reachOf(survivors: readonly Survivor[], epochs: readonly Epoch[]): Slot {
  let slot = Math.max(0, ...survivors.map(({ appliedUpTo }) => appliedUpTo))
  for (;;) {
    const reached = Math.max(slot, ...survivors.map((survivor) => heldFrom(survivor, epochs, slot)))
    if (reached === slot) return toSlot(slot)
    slot = reached
  }
}

/** How far one survivor's log goes on from `slot`; `slot` itself when it does not have that one. */
export function heldFrom({ logs }: Survivor, epochs: readonly Epoch[], slot: number): number {
  const at = epochs.findLastIndex(({ startSlot }) => startSlot <= slot)
  const log = logs.find(({ epoch }) => epoch === epochs[at]?.number)
  if (log === undefined) return slot
  const end = epochs[at + 1]?.startSlot ?? Number.MAX_SAFE_INTEGER
  if (log.truncatedUpTo <= slot && slot < log.heldUpTo) return Math.min(log.heldUpTo, end)
  return slot < end && log.votes.some((vote) => vote.slot === slot && vote.chosen) ? slot + 1 : slot
}
