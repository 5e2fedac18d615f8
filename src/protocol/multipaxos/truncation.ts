import type { Slot } from '../ids.ts'

export interface TruncationInput {
  readonly truncatedUpTo: Slot
  /** What this node has applied durably: its log below is not needed here. */
  readonly durableUpTo: Slot
  /** What each other member has applied durably, as far as known; undefined for one not heard since the start. */
  readonly members: readonly (Slot | undefined)[]
  readonly logBytes: number
  readonly slotsKeptMax: number
  readonly bytesKeptMax: number
}

/** Truncating a few slots at a time would be a write for nothing. */
const stepSlots = 128

/**
 * Where the log may begin. Entries that some member still lacks are kept for it, within the limits: beyond them the member
 * gets a snapshot, so a dead one cannot make the others' logs grow for ever. Never above what is durable here.
 */
export function truncationPoint(input: TruncationInput): Slot {
  const { truncatedUpTo, durableUpTo, members, logBytes, slotsKeptMax, bytesKeptMax } = input
  const needed = members.reduce<number>((lowest, member) => Math.min(lowest, member ?? 0), durableUpTo)
  let upTo = Math.max(needed, durableUpTo - slotsKeptMax)
  if (logBytes > bytesKeptMax) upTo = Math.max(upTo, truncatedUpTo + Math.ceil((durableUpTo - truncatedUpTo) / 2))
  if (upTo - truncatedUpTo < stepSlots && logBytes <= bytesKeptMax / 2) return truncatedUpTo
  return Math.max(truncatedUpTo, Math.min(upTo, durableUpTo)) as Slot
}
