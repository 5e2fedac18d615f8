import { assert } from '../../base/assert.ts'
import { type Ballot, isZeroBallot } from '../ballot.ts'
import type { Slot } from '../ids.ts'
import { SlotLog } from '../slot-log.ts'
import type { Vote } from './message.ts'

/** What an acceptor finds on its disk when it starts. */
export interface AcceptorState {
  readonly promised: Ballot | undefined
  readonly chosenUpTo: Slot
  readonly truncatedUpTo: Slot
  readonly votes: readonly Vote[]
  readonly unknown: readonly Slot[]
}

/**
 * The stored watermark says that every vote below it holds the chosen entry. A vote that is missing or unreadable there
 * pulls the watermark down: the entry is fetched again, while the others stay known as chosen.
 */
export function loadLog(state: AcceptorState, startSlot: Slot): SlotLog {
  const truncatedUpTo = Math.max(state.truncatedUpTo, startSlot) as Slot
  const storedUpTo = Math.max(state.chosenUpTo, truncatedUpTo) as Slot
  const stored = new Set(state.votes.map((vote) => vote.slot))
  let chosenUpTo = truncatedUpTo
  while (chosenUpTo < storedUpTo && stored.has(chosenUpTo)) chosenUpTo = (chosenUpTo + 1) as Slot
  const log = new SlotLog(truncatedUpTo, truncatedUpTo)
  for (const vote of state.votes) {
    assert(isZeroBallot(vote.ballot) ? vote.chosen : true, 'a vote without a ballot in slot %s', vote.slot)
    log.put(vote.slot < storedUpTo ? { ...vote, chosen: true } : vote)
  }
  while (log.chosenUpTo < chosenUpTo) log.advanceChosen()
  for (const slot of state.unknown) log.markUnknown(slot)
  return log
}
