import type { PeerProgress } from '../protocol/engine.ts'
import type { NodeId, Slot } from '../protocol/ids.ts'

/**
 * Whom to ask for the machine's data when the log cannot rebuild it. Whoever has it and answers, in turn: the one asked
 * last may have died since, and a leader that lost its own data must not depend on any one node.
 */
export class DonorChoice {
  #turn = 0

  /** Everything below `neededUpTo` must be in the data. Undefined while nobody is known to have it. */
  next(peers: readonly PeerProgress[], neededUpTo: Slot): NodeId | undefined {
    const able = peers.filter(({ reachable, durableUpTo }) => reachable && durableUpTo >= neededUpTo)
    if (able.length === 0) return undefined
    const donor = able[this.#turn % able.length]
    this.#turn++
    return donor?.id
  }
}
