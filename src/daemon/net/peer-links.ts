import { assert } from '../../base/assert.ts'
import type { Member } from '../../protocol/epoch.ts'
import type { FeatureLevels } from '../../protocol/feature-level.ts'
import type { EpochNumber, GroupId, NodeId } from '../../protocol/ids.ts'
import type { PeerMessage } from '../../runtime/peer-message.ts'
import type { Links } from '../../runtime/ports.ts'
import { encodeFrame } from '../../wire/frame.ts'
import { type PeerIdentity, peerFrame } from '../../wire/hello.ts'
import { encodePeer } from '../../wire/peer-codec.ts'
import { Admission, type PeerIncarnations } from './admission.ts'
import { GatedLog, type PeerLogger } from './gated-log.ts'
import type { OnPeerMessage } from './inbound-peer.ts'
import { type LinkRefusal, PeerDialler } from './peer-dialler.ts'
import { defaultPeerLimits, type PeerLimits } from './peer-limits.ts'
import { type ListenAddress, PeerListener } from './peer-listener.ts'

export interface PeerLinksOptions {
  readonly self: PeerIdentity
  /** Of the epoch, this node with or without. */
  readonly members: readonly Member[]
  /** Of the epoch: who does not understand it is not let in. */
  readonly featureLevel: number
  readonly listen: ListenAddress
  readonly incarnations: PeerIncarnations
  /** Ids that the cluster had before recoveries. */
  readonly recovered?: readonly string[]
  readonly onMessage: OnPeerMessage
  readonly logger: PeerLogger
  readonly limits?: Partial<PeerLimits>
}

export interface PeerInfo {
  /** This node's messages reach the peer. */
  readonly connected: boolean
  /** The peer's messages reach this node. */
  readonly inbound: boolean
  /** What the peer said of itself when last met, either way. */
  readonly clientAddress: string | undefined
  readonly version: string | undefined
  readonly featureLevels: FeatureLevels | undefined
  readonly incarnation: number | undefined
  /** Why it was not reached the last time; undefined while connected. */
  readonly lastError: string | undefined
  /** That the last dial ended in. */
  readonly refusal: LinkRefusal | undefined
  readonly queuedBytes: number
  readonly droppedMessages: number
  readonly writes: number
}

export interface PeerLinksStats {
  readonly violations: number
  readonly refusals: number
  /** Messages that were larger than a frame may be, or for a node that is no member. */
  readonly undeliverable: number
}

/**
 * The links of one node: a listener that takes what members send, and a dialler for each other member that carries what
 * this node sends. Between two nodes there are so two connections, one for each direction, and neither side has to agree
 * with the other on which of them counts.
 */
export class PeerLinks implements Links {
  readonly #options: PeerLinksOptions
  readonly #limits: PeerLimits
  readonly #self: PeerIdentity
  readonly #admission: Admission
  readonly #gatedLog: GatedLog
  readonly #listener: PeerListener
  readonly #diallers = new Map<NodeId, PeerDialler>()
  readonly #met = new Map<NodeId, PeerIdentity>()
  #phase: 'new' | 'started' | 'stopped' = 'new'
  #ticker: NodeJS.Timeout | undefined
  #tickedAt = 0
  #undeliverable = 0

  /** Throws PaxosError BAD_CONFIG for an address that is not host:port. */
  constructor(options: PeerLinksOptions) {
    const { logger, onMessage, members } = options
    this.#options = options
    this.#limits = { ...defaultPeerLimits, ...options.limits }
    this.#self = options.self
    this.#gatedLog = new GatedLog(logger, now)
    this.#admission = new Admission(
      this.#self,
      byId(members),
      options.featureLevel,
      options.incarnations,
      options.recovered,
    )
    this.#listener = new PeerListener({
      self: this.#self,
      limits: this.#limits,
      admission: this.#admission,
      logger,
      gatedLog: this.#gatedLog,
      now,
      onMessage,
      onPeer: (peer) => this.#onPeer(peer),
    })
    this.#dialMembers(byId(members))
  }

  /** Listens, then dials. Throws PaxosError PORT_IN_USE or BAD_CONFIG. Returns the port. */
  async start(): Promise<number> {
    assert(this.#phase === 'new', 'links started while %s', this.#phase)
    const port = await this.#listener.listen(this.#options.listen)
    this.#phase = 'started'
    this.#tickedAt = now()
    this.#ticker = setInterval(() => this.#tick(), this.#limits.tickMs)
    for (const dialler of this.#diallers.values()) dialler.dial()
    return port
  }

  /** Destroys every socket. Resolves when the port is free again. */
  async stop(): Promise<void> {
    this.#phase = 'stopped'
    clearInterval(this.#ticker)
    for (const dialler of this.#diallers.values()) dialler.stop()
    await this.#listener.stop()
  }

  isConnected(to: NodeId): boolean {
    return this.#diallers.get(to)?.connected ?? false
  }

  /** Dials who is new or has moved, lets go of who has left. Throws PaxosError BAD_CONFIG. */
  setMembers(_group: GroupId, members: readonly Member[], featureLevel: number): void {
    const wanted = byId(members)
    this.#admission.setMembers(wanted, featureLevel)
    this.#dialMembers(wanted)
  }

  #dialMembers(wanted: ReadonlyMap<NodeId, Member>): void {
    for (const [id, dialler] of this.#diallers) {
      const member = wanted.get(id)
      if (member?.peerAddress === dialler.member.peerAddress) continue
      this.#diallers.delete(id)
      dialler.stop()
      if (member === undefined) this.#listener.disconnect(id, 'the node is no longer a member')
    }
    for (const [id, member] of wanted) {
      if (id !== this.#self.nodeId && !this.#diallers.has(id)) this.#diallers.set(id, this.#newDialler(member))
    }
  }

  send(group: GroupId, epoch: EpochNumber, to: readonly NodeId[], message: PeerMessage): void {
    let frame: Uint8Array | undefined
    for (const id of to) {
      assert(id !== this.#self.nodeId, 'a message to this node itself does not travel')
      const dialler = this.#diallers.get(id)
      if (dialler === undefined) {
        this.#undeliverable++
      } else if (!dialler.connected) {
        dialler.drop()
      } else {
        frame ??= this.#encode(group, epoch, message)
        if (frame === undefined) return
        // Clients do not wait for members to hear what is decided, and the next accept most often comes at once.
        dialler.send(frame, message.kind !== 'decide')
      }
    }
  }

  /** Undefined for a node that is not another member. */
  peerInfo(id: NodeId): PeerInfo | undefined {
    const dialler = this.#diallers.get(id)
    if (dialler === undefined) return undefined
    const peer = newer(dialler.peer, this.#met.get(id))
    return {
      connected: dialler.connected,
      inbound: this.#listener.isOpen(id),
      clientAddress: peer?.clientAddress,
      version: peer?.version,
      featureLevels: peer?.featureLevels,
      incarnation: peer?.incarnation,
      lastError: dialler.lastError,
      refusal: dialler.refusal,
      queuedBytes: dialler.queuedBytes,
      droppedMessages: dialler.droppedMessages,
      writes: dialler.writes,
    }
  }

  /** What a member says who will have nothing to do with this node; undefined while none says so. */
  whyShunned(): string | undefined {
    for (const { member, refusal } of this.#diallers.values()) {
      if (refusal?.by === 'member') return `${member.name} refused this node: ${refusal.code}: ${refusal.message}`
    }
    return undefined
  }

  stats(): PeerLinksStats {
    const { violations, refusals } = this.#listener
    return { violations, refusals, undeliverable: this.#undeliverable }
  }

  #encode(group: GroupId, epoch: EpochNumber, message: PeerMessage): Uint8Array | undefined {
    const payload = encodePeer(group, epoch, message)
    const { frameBytesMax } = this.#limits
    if (payload.length <= frameBytesMax) return encodeFrame(peerFrame.message, payload)
    // Sent, it would end the connection, and again after each retry.
    this.#undeliverable++
    const fields = { message: message.kind, bytes: payload.length, frameBytesMax }
    this.#gatedLog.warn('too large', fields, 'message is larger than a frame may be and is dropped')
    return undefined
  }

  #newDialler(member: Member): PeerDialler {
    const dialler = new PeerDialler({
      self: this.#self,
      member,
      limits: this.#limits,
      admission: this.#admission,
      logger: this.#options.logger,
      gatedLog: this.#gatedLog,
      now,
    })
    if (this.#phase === 'started') dialler.dial()
    return dialler
  }

  /** A member that can reach this node can most likely be reached: do not wait out the pause before the next dial. */
  #onPeer(peer: PeerIdentity): void {
    this.#met.set(peer.nodeId, peer)
    if (this.#phase === 'started') this.#diallers.get(peer.nodeId)?.dial()
  }

  #tick(): void {
    const at = now()
    const { tickMs } = this.#limits
    // A process that was suspended, or busy for long, has not listened: that silence was its own.
    const stalledMs = Math.max(0, at - this.#tickedAt - 2 * tickMs)
    this.#tickedAt = at
    this.#listener.tick(at, stalledMs)
    for (const dialler of this.#diallers.values()) dialler.tick(at, stalledMs)
  }
}

function now(): number {
  return performance.now()
}

function byId(members: readonly Member[]): ReadonlyMap<NodeId, Member> {
  return new Map(members.map((member) => [member.id, member]))
}

function newer(a: PeerIdentity | undefined, b: PeerIdentity | undefined): PeerIdentity | undefined {
  return a === undefined || (b !== undefined && b.incarnation > a.incarnation) ? b : a
}
