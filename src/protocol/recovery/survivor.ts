import type { Ballot } from '../ballot.ts'
import type { Epoch } from '../epoch.ts'
import { epochAfter } from '../epoch-codec.ts'
import type { EpochNumber, NodeId, Slot } from '../ids.ts'
import { type AcceptorState, loadLog } from '../multipaxos/acceptor-state.ts'
import type { Vote } from '../multipaxos/message.ts'

/** What a node that is left holds of one epoch. */
export interface SurvivorLog {
  readonly epoch: EpochNumber
  readonly promised: Ballot | undefined
  readonly truncatedUpTo: Slot
  /** Every slot below is chosen, as this node knows. */
  readonly chosenUpTo: Slot
  /** The chosen entries from `truncatedUpTo` up to here can be read here. */
  readonly heldUpTo: Slot
  /** From `heldUpTo` on, rising. */
  readonly votes: readonly Vote[]
  /** Slots whose vote cannot be read, from `heldUpTo` on. */
  readonly unknown: readonly Slot[]
}

export interface KnownIncarnation {
  readonly incarnation: number
  readonly incarnationId: string
}

/** Everything of a node that is left that a recovery is planned from. */
export interface Survivor {
  readonly id: NodeId
  readonly name: string
  readonly clusterId: string
  readonly diskId: string
  /** Everything below is in the machine's data, durably. */
  readonly appliedUpTo: Slot
  /** All that it knows to have begun, rising; those included that a stop sign begins which it knows chosen. */
  readonly epochs: readonly Epoch[]
  readonly logs: readonly SurvivorLog[]
  /** Rising; the last few, its newest included. */
  readonly incarnations: readonly KnownIncarnation[]
  /** The incarnation in which it met each other node last. */
  readonly met: readonly (KnownIncarnation & { readonly node: NodeId; readonly diskId: string })[]
}

/** What an acceptor finds on its disk, and the epochs whose beginning it proves. */
export function survivorLog(epoch: Epoch, state: AcceptorState): { log: SurvivorLog; begun: readonly Epoch[] } {
  const slots = loadLog(state, epoch.startSlot)
  while (slots.stop === undefined && slots.vote(slots.chosenUpTo)?.chosen === true) slots.advanceChosen()
  const { truncatedUpTo, chosenUpTo: heldUpTo, votedUpTo } = slots
  const all = slots.votes({ from: truncatedUpTo, to: votedUpTo })
  return {
    log: {
      epoch: epoch.number,
      promised: state.promised,
      truncatedUpTo,
      chosenUpTo: Math.max(state.chosenUpTo, heldUpTo) as Slot,
      heldUpTo,
      votes: all.filter(({ slot }) => slot >= heldUpTo),
      unknown: slots.unknown({ from: heldUpTo, to: votedUpTo }),
    },
    begun: begunAfter(all),
  }
}

/** Epochs that begin after stop signs which are known chosen. */
export function begunAfter(votes: readonly Vote[]): readonly Epoch[] {
  return votes.flatMap(({ slot, entry, chosen }) => {
    const next = chosen && entry.kind === 'stopSign' ? epochAfter(slot, entry.payload) : undefined
    return next === undefined ? [] : [next]
  })
}

/** All of them by number, rising; of two with one number the first. */
export function mergeEpochs(...lists: readonly (readonly Epoch[])[]): readonly Epoch[] {
  const byNumber = new Map<EpochNumber, Epoch>()
  for (const epoch of lists.flat()) if (!byNumber.has(epoch.number)) byNumber.set(epoch.number, epoch)
  return [...byNumber.values()].sort((a, b) => a.number - b.number)
}
