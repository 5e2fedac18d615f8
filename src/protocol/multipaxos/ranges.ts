import type { Slot } from '../ids.ts'
import type { SlotRange } from './message.ts'

/** Rising slots as half-open ranges. */
export function toRanges(slots: readonly Slot[]): SlotRange[] {
  const ranges: { from: Slot; to: Slot }[] = []
  for (const slot of slots) {
    const last = ranges.at(-1)
    const next = (slot + 1) as Slot
    if (last !== undefined && last.to === slot) last.to = next
    else ranges.push({ from: slot, to: next })
  }
  return ranges
}
