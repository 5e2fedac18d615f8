import type { StopSign } from '../machine/records.ts'
import { type Epoch, isMember } from '../protocol/epoch.ts'
import { epochAfter } from '../protocol/epoch-codec.ts'
import { nextSlot, type Slot, toSlot } from '../protocol/ids.ts'
import { Epochs, type OpenEpoch } from './epochs.ts'
import type { ReplicaSetup } from './replica-setup.ts'

/**
 * The epochs that a node knew when it stopped, with their engines. `stopSign` is what the machine holds: after a snapshot it
 * may be of an epoch that the node does not know yet.
 */
export function openEpochs(
  { self, epochs, createEngine }: Pick<ReplicaSetup, 'self' | 'epochs' | 'createEngine'>,
  appliedUpTo: Slot,
  stopSign: StopSign | undefined,
): Epochs {
  const known = withStopSign(epochs, stopSign)
  const open: OpenEpoch[] = []
  for (const [index, epoch] of epochs.entries()) {
    if (!isMember(epoch, self)) continue
    const next = known[index + 1]
    const engine = createEngine(epoch, appliedWithin(epoch, known, appliedUpTo), false)
    const isClosed = next !== undefined && engine.truncatedUpTo() >= next.startSlot
    if (!isClosed) open.push({ epoch, engine })
  }
  return new Epochs(epochs, open)
}

/**
 * How much of an epoch's own log is applied. Its stop sign is left out: an engine knows that its epoch is over by having the
 * stop sign, and must not take the slots after it for its own.
 */
export function appliedWithin(epoch: Epoch, known: readonly Epoch[], appliedUpTo: Slot): Slot {
  const next = known.find(({ number }) => number > epoch.number)
  if (next === undefined) return appliedUpTo
  // Where it ended is not known here: of its log nothing certain is.
  const end = next.number === epoch.number + 1 ? nextSlot(next.startSlot, -1) : epoch.startSlot
  return appliedUpTo < end ? appliedUpTo : end
}

/** The known epochs, and the one that begins after what the machine holds: it may not be known yet. */
export function withStopSign(known: readonly Epoch[], stopSign: StopSign | undefined): readonly Epoch[] {
  const following = stopSign === undefined ? undefined : epochAfter(toSlot(stopSign.slot), stopSign.payload)
  const newest = known.at(-1)
  const isAhead = following !== undefined && newest !== undefined && following.number > newest.number
  return isAhead ? [...known, following] : known
}
