import { fromBinary, toBinary } from '../../base/bytes.ts'
import { type Incarnation, type NodeId, toIncarnation } from '../../protocol/ids.ts'
import type { PeerIncarnation, PeerIncarnations } from '../net/admission.ts'
import { readOne } from './acceptor-load.ts'
import type { Environment } from './environment.ts'
import type { FailStop } from './fail-stop.ts'
import { peerIncarnationKey, peerIncarnationKeys, peerOf } from './keys.ts'
import { encodeRecord } from './record.ts'

/**
 * With which disk each other node was met, and in which incarnation last. In the acceptor's environment, whose transactions become
 * durable in order: a node is remembered before anything that followed from its messages.
 */
export class LmdbPeerIncarnations implements PeerIncarnations {
  readonly #environment: Environment
  readonly #failStop: FailStop
  readonly #incarnations: Map<NodeId, PeerIncarnation>

  /** `known`: of `readPeerIncarnations`. */
  constructor(environment: Environment, failStop: FailStop, known: ReadonlyMap<NodeId, PeerIncarnation>) {
    this.#environment = environment
    this.#failStop = failStop
    this.#incarnations = new Map(known)
  }

  all(): ReadonlyMap<NodeId, PeerIncarnation> {
    return this.#incarnations
  }

  get(node: NodeId): PeerIncarnation | undefined {
    return this.#incarnations.get(node)
  }

  remember(node: NodeId, met: PeerIncarnation): void {
    this.#incarnations.set(node, met)
    const key = peerIncarnationKey(node)
    const { diskId, incarnation, incarnationId } = met
    const text = `${diskId} ${incarnation} ${incarnationId}`
    const stored = this.#environment.put(key, encodeRecord(key, fromBinary(text)))
    this.#failStop.track('acceptor.mdb', stored, () => {})
  }
}

/** Throws PaxosError DATA_DIR_REFUSED when a record cannot be read. */
export function readPeerIncarnations(environment: Environment): Map<NodeId, PeerIncarnation> {
  const found = new Map<NodeId, PeerIncarnation>()
  for (const { key } of environment.getRange({ ...peerIncarnationKeys })) {
    const text = readOne(environment, key, toBinary, 'the disk of another node')
    if (text === undefined) continue
    // Directories of earlier builds have the disk alone.
    const [diskId = '', incarnation = '0', incarnationId = ''] = text.split(' ')
    found.set(peerOf(key), { diskId, incarnation: incarnationOf(incarnation), incarnationId })
  }
  return found
}

function incarnationOf(text: string): Incarnation {
  return toIncarnation(/^\d{1,15}$/.test(text) ? Number(text) : 0)
}
