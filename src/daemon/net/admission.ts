import type { Member } from '../../protocol/epoch.ts'
import type { Incarnation, NodeId } from '../../protocol/ids.ts'
import { type Hello, type PeerIdentity, peerVersions, type RefusalCode } from '../../wire/hello.ts'

export interface Refusal {
  readonly kind: 'refused'
  readonly code: RefusalCode
  readonly message: string
}

/** The disk of each node that was ever met. What is remembered must be durable before anything that the node says is. */
export interface PeerDisks {
  get(node: NodeId): string | undefined
  remember(node: NodeId, diskId: string): void
}

export type Verdict = { readonly kind: 'accepted'; readonly protocolVersion: number } | Refusal

/**
 * Judges who is at the other end, in both directions. Incarnations tell processes of one node apart: each boot makes its
 * own durable before it speaks. So for one node id
 * - a lower incarnation than the highest seen is an older process or an older copy of its disk: refused;
 * - a higher one is a restart: accepted, and its connection replaces the older one;
 * - an equal one with the same boot id is a reconnect: likewise;
 * - an equal one with another boot id proves two processes on copies of one disk: the second to appear is refused for
 *   as long as this process lives, because letting it vote would let one acceptor vote twice.
 * What was seen of incarnations is kept in memory only.
 *
 * The disk that a node was first met with is remembered for ever: a node that comes back with another one has forgotten
 * what it promised, and is refused under its old id (protocols 2.4, T22).
 */
export class Admission {
  readonly #self: PeerIdentity
  readonly #disks: PeerDisks
  readonly #seen = new Map<NodeId, { readonly incarnation: Incarnation; readonly bootId: string }>()
  #members: ReadonlyMap<NodeId, Member>

  constructor(self: PeerIdentity, members: ReadonlyMap<NodeId, Member>, disks: PeerDisks) {
    this.#self = self
    this.#disks = disks
    this.#members = members
  }

  setMembers(members: ReadonlyMap<NodeId, Member>): void {
    this.#members = members
  }

  /** Of a dialler's hello. An accepted one is remembered. */
  judgeHello(hello: Hello): Verdict {
    const { min, max } = peerVersions
    const protocolVersion = Math.min(hello.versionMax, max)
    if (protocolVersion < hello.versionMin || protocolVersion < min) {
      const theirs = `${hello.versionMin} to ${hello.versionMax}`
      return refuse('WRONG_VERSION', `This node speaks peer protocol ${min} to ${max}, the dialler ${theirs}`)
    }
    return this.#judge(hello) ?? { kind: 'accepted', protocolVersion }
  }

  /** Of the identity in a welcome: it must be the member that was dialled. */
  judgeWelcome(identity: PeerIdentity, dialled: NodeId): Refusal | undefined {
    const { clusterId, nodeId } = this.#self
    const sameCluster = identity.clusterId === clusterId
    // Judged before anything is remembered: a wrong address in the member list must not shut out the real node.
    if (sameCluster && identity.nodeId !== nodeId && identity.nodeId !== dialled) {
      return refuse('UNKNOWN_NODE', `Node ${identity.nodeId} answered at the address of node ${dialled}`)
    }
    return this.#judge(identity)
  }

  #judge(identity: PeerIdentity): Refusal | undefined {
    const self = this.#self
    const { nodeId, diskId, incarnation, bootId } = identity
    if (identity.clusterId !== self.clusterId) {
      return refuse('WRONG_CLUSTER', 'It belongs to another cluster: the cluster token or the member list differs')
    }
    if (nodeId === self.nodeId) {
      const loop = bootId === self.bootId
      const why = loop ? 'This node reached itself' : `Another process uses the id of this node, ${nodeId}`
      return refuse('OWN_NODE_ID', `${why}: check the peer addresses in the member list`)
    }
    if (!this.#members.has(nodeId)) {
      return refuse('UNKNOWN_NODE', `Node ${nodeId} is no member of this cluster, or none any more`)
    }

    const seen = this.#seen.get(nodeId)
    if (seen !== undefined && incarnation < seen.incarnation) {
      const numbers = `incarnation ${incarnation}, but ${seen.incarnation} was seen`
      return refuse(
        'STALE_INCARNATION',
        `Node ${nodeId} has ${numbers}: an older process, or an older copy of its data`,
      )
    }
    if (seen !== undefined && incarnation === seen.incarnation && bootId !== seen.bootId) {
      const twice = `Two processes run as node ${nodeId} with incarnation ${incarnation}`
      return refuse('DUPLICATE_NODE', `${twice}: its data directory was copied or made anew. Stop one of them for good`)
    }
    const disk = this.#disks.get(nodeId)
    if (disk !== undefined && disk !== diskId) {
      return refuse('OTHER_DISK', `Node ${nodeId} comes with a new data directory, so it has forgotten its promises`)
    }
    this.#seen.set(nodeId, { incarnation, bootId })
    if (disk === undefined) this.#disks.remember(nodeId, diskId)
    return undefined
  }
}

function refuse(code: RefusalCode, message: string): Refusal {
  return { kind: 'refused', code, message }
}
