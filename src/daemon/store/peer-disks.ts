import { fromBinary, toBinary } from '../../base/bytes.ts'
import type { NodeId } from '../../protocol/ids.ts'
import { readOne } from './acceptor-load.ts'
import type { Environment } from './environment.ts'
import type { FailStop } from './fail-stop.ts'
import { peerDiskKey, peerDiskKeys, peerOf } from './keys.ts'
import { encodeRecord } from './record.ts'

/**
 * With which disk each other node was met. In the acceptor's environment, whose transactions become durable in order: a
 * node is remembered before anything that followed from its messages.
 */
export class LmdbPeerDisks {
  readonly #environment: Environment
  readonly #failStop: FailStop
  readonly #disks: Map<NodeId, string>

  /** Throws PaxosError DATA_DIR_REFUSED when a record cannot be read. */
  constructor(environment: Environment, failStop: FailStop) {
    this.#environment = environment
    this.#failStop = failStop
    this.#disks = readPeerDisks(environment)
  }

  get(node: NodeId): string | undefined {
    return this.#disks.get(node)
  }

  remember(node: NodeId, diskId: string): void {
    this.#disks.set(node, diskId)
    const key = peerDiskKey(node)
    const stored = this.#environment.put(key, encodeRecord(key, fromBinary(diskId)))
    this.#failStop.track('acceptor.mdb', stored, () => {})
  }
}

/** Throws PaxosError DATA_DIR_REFUSED when a record cannot be read. */
export function readPeerDisks(environment: Environment): Map<NodeId, string> {
  const disks = new Map<NodeId, string>()
  for (const { key } of environment.getRange({ ...peerDiskKeys })) {
    const disk = readOne(environment, key, toBinary, 'the disk of another node')
    if (disk !== undefined) disks.set(peerOf(key), disk)
  }
  return disks
}
