import type { Member } from '../../protocol/epoch.ts'
import { featureProblem } from '../../protocol/feature-level.ts'
import type { Incarnation, NodeId } from '../../protocol/ids.ts'
import { type Hello, type PeerIdentity, peerVersions, type RefusalCode } from '../../wire/hello.ts'

export interface Refusal {
  readonly kind: 'refused'
  readonly code: RefusalCode
  readonly message: string
}

/** As a node was met last. */
export interface PeerIncarnation {
  readonly diskId: string
  readonly incarnation: Incarnation
  /** Empty when an earlier build met it. */
  readonly incarnationId: string
}

/** Each node that was ever met. What is remembered must be durable before anything that the node says is. */
export interface PeerIncarnations {
  get(node: NodeId): PeerIncarnation | undefined
  remember(node: NodeId, met: PeerIncarnation): void
}

export type Verdict = { readonly kind: 'accepted'; readonly protocolVersion: number } | Refusal

/**
 * Judges who is at the other end, in both directions. Incarnations tell processes of one node apart: each makes its
 * number durable before it speaks. So for one node id
 * - a lower incarnation than the highest seen is an older process or an older copy of its disk: refused;
 * - a higher one is a restart: accepted, and its connection replaces the older one;
 * - an equal one with the same id is a reconnect: likewise;
 * - an equal one with another id proves two processes on copies of one disk: the second to appear is refused for
 *   as long as this process lives, because letting it vote would let one acceptor vote twice.
 *
 * The disk that a node was first met with is remembered for ever, and the incarnation in which it was met last: a node
 * that comes back with another disk, or with a directory that does not know that one, has forgotten what it promised, and
 * is refused under its old id (protocols 2.4, T22), however often it is started.
 */
export class Admission {
  readonly #self: PeerIdentity
  readonly #incarnations: PeerIncarnations
  readonly #recovered: readonly string[]
  /** Of the newest epoch when this node started. Later sets may have members of epochs before it, the dead among them. */
  readonly #newest: ReadonlyMap<NodeId, Member>
  #members: ReadonlyMap<NodeId, Member>
  #featureLevel: number

  constructor(
    self: PeerIdentity,
    members: ReadonlyMap<NodeId, Member>,
    featureLevel: number,
    incarnations: PeerIncarnations,
    recovered: readonly string[] = [],
  ) {
    this.#recovered = recovered
    this.#newest = members
    this.#self = self
    this.#incarnations = incarnations
    this.#members = members
    this.#featureLevel = featureLevel
  }

  setMembers(members: ReadonlyMap<NodeId, Member>, featureLevel: number): void {
    this.#members = members
    this.#featureLevel = featureLevel
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
    const { nodeId, diskId, incarnation, incarnationId, featureLevels, foundedLevel } = identity
    if (this.#recovered.includes(identity.clusterId)) {
      const what = this.#newest.has(nodeId)
        ? `run \`paxos recover apply\` on the directory of ${identity.name} first`
        : `${identity.name} was left behind, is no member any more, and comes back as a new one with an empty directory`
      return refuse('WRONG_CLUSTER', `The cluster was recovered from the loss of its quorum: ${what}`)
    }
    if (identity.clusterId !== self.clusterId) {
      return refuse('WRONG_CLUSTER', 'It belongs to another cluster: the cluster token or the member list differs')
    }
    if (nodeId === self.nodeId) {
      const loop = incarnationId === self.incarnationId
      const why = loop ? 'This node reached itself' : `Another process uses the id of this node, ${nodeId}`
      return refuse('OWN_NODE_ID', `${why}: check the peer addresses in the member list`)
    }
    if (!this.#members.has(nodeId)) {
      return refuse('UNKNOWN_NODE', `Node ${nodeId} is no member of this cluster, or none any more`)
    }
    const unable = featureProblem(this.#featureLevel, featureLevels)
    if (unable !== undefined) return refuse('WRONG_VERSION', `${unable} (node ${nodeId})`)
    // Each founder derives the first epoch by itself. At two levels, one would say in it what the other misreads.
    if (foundedLevel !== 0 && self.foundedLevel !== 0 && foundedLevel !== self.foundedLevel) {
      const levels = `${self.name} at feature level ${self.foundedLevel}, ${identity.name} at ${foundedLevel}`
      const todo =
        'start the later one with an empty directory and the version that the others began with, or with --join'
      return refuse('WRONG_VERSION', `Two versions began this cluster, ${levels}: ${todo}`)
    }

    const seen = this.#incarnations.get(nodeId)
    const problem = seen === undefined ? undefined : incarnationProblem(identity, seen)
    if (problem !== undefined) return problem
    const isNews = seen?.incarnation !== incarnation || seen.incarnationId !== incarnationId
    if (isNews) this.#incarnations.remember(nodeId, { diskId, incarnation, incarnationId })
    return undefined
  }
}

function incarnationProblem(identity: PeerIdentity, seen: PeerIncarnation): Refusal | undefined {
  const { nodeId, diskId, incarnation, incarnationId, earlierIncarnations } = identity
  if (seen.diskId !== diskId) {
    return refuse('OTHER_DISK', `Node ${nodeId} comes with a new data directory, so it has forgotten its promises`)
  }
  if (incarnation < seen.incarnation) {
    const numbers = `incarnation ${incarnation}, but ${seen.incarnation} was seen`
    return refuse('STALE_INCARNATION', `Node ${nodeId} has ${numbers}: an older process, or an older copy of its data`)
  }
  // An earlier build said nothing of their ids.
  if (seen.incarnationId === '') return undefined
  if (incarnation === seen.incarnation) {
    if (incarnationId === seen.incarnationId) return undefined
    const twice = `Two processes run as node ${nodeId} with incarnation ${incarnation}`
    return refuse('DUPLICATE_NODE', `${twice}: its data directory was copied or made anew. Stop one of them for good`)
  }
  const known = earlierIncarnations.find(({ incarnation: number }) => number === seen.incarnation)
  if (known?.incarnationId === seen.incarnationId) return undefined
  const [first] = earlierIncarnations
  // It was away for longer than it remembers incarnations: nobody can tell.
  if (first !== undefined && seen.incarnation < first.incarnation) return undefined
  const forgot = `does not know its own incarnation ${seen.incarnation}, in which it was met`
  return refuse(
    'OLDER_COPY',
    `Node ${nodeId} ${forgot}: its data directory is an older copy, and has forgotten promises`,
  )
}

function refuse(code: RefusalCode, message: string): Refusal {
  return { kind: 'refused', code, message }
}
