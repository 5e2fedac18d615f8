import type { EngineStatus, PeerProgress } from '../../protocol/engine.ts'

/** The chosen slots that a member lacks. Undefined when it does not answer: what it said last may be of another disk. */
export function lagSlotsOf({ chosenUpTo }: EngineStatus, peer: PeerProgress | undefined): number | undefined {
  return peer?.reachable === true ? Math.max(0, chosenUpTo - peer.chosenUpTo) : undefined
}
