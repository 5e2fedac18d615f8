import type { PeerProgress } from '../protocol/engine.ts'
import type { NodeId, Slot } from '../protocol/ids.ts'

/**
 * Whom to ask for the machine's data when the log cannot rebuild it. Whoever has it and answers, in turn: the one asked
 * last may have died since, and a leader that lost its own data must not depend on any one node.
 */
export class DonorChoice {
  #turn = 0

  /**
   * Everything below `neededUpTo` must be in the data. While no peer is known to have it, one of `strangers` may: members of
   * earlier epochs, of whom nothing is heard any more. Undefined when there is nobody to ask.
   */
  next(peers: readonly PeerProgress[], neededUpTo: Slot, strangers: readonly NodeId[]): NodeId | undefined {
    const able = peers.filter(({ reachable, durableUpTo }) => reachable && durableUpTo >= neededUpTo)
    const donors = able.length > 0 ? able.map(({ id }) => id) : strangers
    const donor = donors[this.#turn % donors.length]
    this.#turn++
    return donor
  }
}
