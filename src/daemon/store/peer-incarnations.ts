import { fromBinary, toBinary } from '../../base/bytes.ts'
import { type Incarnation, type NodeId, toIncarnation } from '../../protocol/ids.ts'
import type { PeerIncarnation, PeerIncarnations } from '../net/admission.ts'
import { readOne } from './acceptor-load.ts'
import type { JournaledTree } from './journaled-tree.ts'
import { peerIncarnationKey, peerIncarnationKeys, peerOf } from './keys.ts'
import { encodeRecord } from './record.ts'
import type { RecordTree } from './record-tree.ts'

/**
 * With which disk each other node was met, and in which incarnation last. In the acceptor's tree, whose changes become durable in
 * order: a node is remembered before anything that followed from its messages.
 */
export class LmdbPeerIncarnations implements PeerIncarnations {
  readonly #tree: JournaledTree
  readonly #incarnations: Map<NodeId, PeerIncarnation>

  /** `known`: of `readPeerIncarnations`. */
  constructor(tree: JournaledTree, known: ReadonlyMap<NodeId, PeerIncarnation>) {
    this.#tree = tree
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
    this.#tree.write([{ key, value: encodeRecord(key, fromBinary(text)) }], () => {})
  }
}

/** Throws PaxosError DATA_DIR_REFUSED when a record cannot be read. */
export function readPeerIncarnations(tree: RecordTree): Map<NodeId, PeerIncarnation> {
  const found = new Map<NodeId, PeerIncarnation>()
  for (const { key } of tree.getRange(peerIncarnationKeys)) {
    const text = readOne(tree, key, toBinary, 'the disk of another node')
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
