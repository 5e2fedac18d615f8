import type { EngineStatus } from '../protocol/engine.ts'
import type { EpochNumber, NodeId } from '../protocol/ids.ts'
import type { Diverged } from './divergence.ts'

export interface ReadinessInput {
  readonly self: NodeId
  readonly leader: NodeId | undefined
  readonly engine: EngineStatus
  readonly isRetired: boolean
  /** Set when the machine differs from that of a majority. */
  readonly diverged: Diverged | undefined
  readonly isInstalling: boolean
  readonly isMissingData: boolean
  readonly lagSlotsMax: number
  /** The epoch from which on the node is no member. */
  readonly removedIn: EpochNumber | undefined
}

/** Why a node should get no traffic, in words; undefined when it should. */
export function whyNotReady(input: ReadinessInput): string | undefined {
  const { self, leader, engine, lagSlotsMax } = input
  if (input.isRetired) return 'the node is stopping'
  if (input.removedIn !== undefined) return `the node is no member any more since epoch ${input.removedIn}`
  if (input.diverged !== undefined) return divergedInWords(input.diverged)
  if (input.isInstalling) return 'installing a snapshot'
  if (input.isMissingData) return 'the data of the machine is missing, and no member has sent it yet'
  if (leader === undefined) return 'no leader is known'
  if (leader === self) return engine.steady ? undefined : 'the new leader has not committed its barrier yet'
  const upTo = engine.peers.find((peer) => peer.id === leader)?.chosenUpTo ?? 0
  // A leader has chosen its barrier at least. A member that was never there would take silence for having it all.
  if (upTo === 0) return 'the leader has not said yet how far it is'
  const lag = upTo - engine.chosenUpTo
  return lag > lagSlotsMax ? `catching up: ${lag} slots behind the leader` : undefined
}

export function answersNoReads(diverged: Diverged): string {
  return `This node answers no reads: ${divergedInWords(diverged)}.`
}

function divergedInWords({ first }: Diverged): string {
  const where =
    first.to === first.from + 1 ? `in slot ${first.from}` : `in a slot from ${first.from} to ${first.to - 1}`
  return `its data differ from those of the majority: first ${where}`
}

/** Why something that is certainly not done took too long. */
export function whyLate(leader: NodeId | undefined): ['NO_LEADER' | 'NO_QUORUM', string] {
  if (leader === undefined) return ['NO_LEADER', 'No leader is known on this node.']
  return ['NO_QUORUM', 'The leader did not get the answers of a quorum in time.']
}
