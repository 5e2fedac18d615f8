import { fromBinary, toBinary } from '../../base/bytes.ts'
import { type Incarnation, type NodeId, toIncarnation } from '../../protocol/ids.ts'
import type { PeerLife, PeerLives } from '../net/admission.ts'
import { readOne } from './acceptor-load.ts'
import type { Environment } from './environment.ts'
import type { FailStop } from './fail-stop.ts'
import { peerLifeKey, peerLifeKeys, peerOf } from './keys.ts'
import { encodeRecord } from './record.ts'

/**
 * With which disk each other node was met, and in which life last. In the acceptor's environment, whose transactions become
 * durable in order: a node is remembered before anything that followed from its messages.
 */
export class LmdbPeerLives implements PeerLives {
  readonly #environment: Environment
  readonly #failStop: FailStop
  readonly #lives: Map<NodeId, PeerLife>

  /** Throws PaxosError DATA_DIR_REFUSED when a record cannot be read. */
  constructor(environment: Environment, failStop: FailStop) {
    this.#environment = environment
    this.#failStop = failStop
    this.#lives = readPeerLives(environment)
  }

  all(): ReadonlyMap<NodeId, PeerLife> {
    return this.#lives
  }

  get(node: NodeId): PeerLife | undefined {
    return this.#lives.get(node)
  }

  remember(node: NodeId, life: PeerLife): void {
    this.#lives.set(node, life)
    const key = peerLifeKey(node)
    const { diskId, incarnation, bootId } = life
    const text = `${diskId} ${incarnation} ${bootId}`
    const stored = this.#environment.put(key, encodeRecord(key, fromBinary(text)))
    this.#failStop.track('acceptor.mdb', stored, () => {})
  }
}

/** Throws PaxosError DATA_DIR_REFUSED when a record cannot be read. */
export function readPeerLives(environment: Environment): Map<NodeId, PeerLife> {
  const lives = new Map<NodeId, PeerLife>()
  for (const { key } of environment.getRange({ ...peerLifeKeys })) {
    const text = readOne(environment, key, toBinary, 'the disk of another node')
    if (text === undefined) continue
    // Directories of earlier builds have the disk alone.
    const [diskId = '', incarnation = '0', bootId = ''] = text.split(' ')
    lives.set(peerOf(key), { diskId, incarnation: lifeNumber(incarnation), bootId })
  }
  return lives
}

function lifeNumber(text: string): Incarnation {
  return toIncarnation(/^\d{1,15}$/.test(text) ? Number(text) : 0)
}
