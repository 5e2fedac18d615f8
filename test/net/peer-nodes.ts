import type { PeerIncarnation, PeerIncarnations } from '../../src/daemon/net/admission.ts'
import type { LogFields, PeerLogger } from '../../src/daemon/net/gated-log.ts'
import type { PeerLimits } from '../../src/daemon/net/peer-limits.ts'
import { PeerLinks } from '../../src/daemon/net/peer-links.ts'
import type { Member } from '../../src/protocol/epoch.ts'
import { firstGroup, type NodeId, toIncarnation } from '../../src/protocol/ids.ts'
import type { LinkedNodes, Received } from '../conformance/links.ts'

export const clusterId = 'test-cluster'

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn'
  readonly message: string
  readonly fields: LogFields
}

interface Node {
  readonly links: PeerLinks
  readonly received: Received[]
}

/** Real PeerLinks in this process, on ports that the system chose. */
export class PeerNodes implements LinkedNodes {
  readonly log: LogLine[] = []
  readonly #limits: PeerLimits
  readonly #nodes = new Map<NodeId, Node>()
  readonly #incarnations = new Map<NodeId, number>()
  readonly #ports: Map<NodeId, number>
  readonly #members: Member[] = []

  /** A node without a port here gets any free one, and keeps it. */
  constructor(limits: PeerLimits, ports: ReadonlyMap<NodeId, number> = new Map()) {
    this.#limits = limits
    this.#ports = new Map(ports)
  }

  /** Starts these nodes. Those in `others` are members too, at addresses given or where nobody listens. */
  static async start(ids: readonly NodeId[], limits: PeerLimits, others: readonly Member[] = []): Promise<PeerNodes> {
    const nodes = new PeerNodes(limits)
    for (const id of ids) {
      await nodes.start(id)
      nodes.#members.push(memberAt(id, nodes.port(id)))
    }
    nodes.#members.push(...others)
    for (const id of ids) nodes.links(id).setMembers(firstGroup, nodes.#members, 1)
    return nodes
  }

  get queueBytesMax(): number {
    return this.#limits.queueBytesMax
  }

  links(id: NodeId): PeerLinks {
    return this.#node(id).links
  }

  port(id: NodeId): number {
    return this.#ports.get(id) ?? 0
  }

  received(id: NodeId): readonly Received[] {
    return this.#node(id).received
  }

  connected(from: NodeId, to: NodeId): boolean {
    return this.links(from).peerInfo(to)?.connected === true
  }

  dropped(from: NodeId, to: NodeId): number {
    return this.links(from).peerInfo(to)?.droppedMessages ?? 0
  }

  writes(from: NodeId, to: NodeId): number {
    return this.links(from).peerInfo(to)?.writes ?? 0
  }

  async start(id: NodeId): Promise<void> {
    const incarnation = (this.#incarnations.get(id) ?? 0) + 1
    const received: Received[] = []
    const links = new PeerLinks({
      self: {
        clusterId,
        nodeId: id,
        name: `n${id}`,
        diskId: `disk-${id}`,
        incarnation: toIncarnation(incarnation),
        incarnationId: incarnationIdOf(incarnation),
        earlierIncarnations: Array.from({ length: incarnation - 1 }, (_, at) => ({
          incarnation: toIncarnation(at + 1),
          incarnationId: incarnationIdOf(at + 1),
        })),
        clientAddress: `127.0.0.1:${7600 + id}`,
        version: '0.0.0-test',
        featureLevels: { min: 1, max: 1 },
        foundedLevel: 1,
      },
      members: this.#members,
      featureLevel: 1,
      listen: { host: '127.0.0.1', port: this.port(id) },
      incarnations: forgetful(),
      limits: this.#limits,
      logger: this.#logger(),
      onMessage: (from, group, epoch, message) => received.push({ from, group, epoch, message }),
    })
    this.#incarnations.set(id, incarnation)
    this.#nodes.set(id, { links, received })
    this.#ports.set(id, await links.start())
  }

  async stop(id: NodeId): Promise<void> {
    await this.#node(id).links.stop()
  }

  async close(): Promise<void> {
    for (const { links } of this.#nodes.values()) await links.stop()
  }

  warnings(): readonly LogLine[] {
    return this.log.filter(({ level }) => level === 'warn')
  }

  #node(id: NodeId): Node {
    const node = this.#nodes.get(id)
    if (node === undefined) throw new Error(`no node ${id} in this test`)
    return node
  }

  #logger(): PeerLogger {
    const write = (level: LogLine['level']) => (fields: LogFields, message: string) => {
      this.log.push({ level, message, fields })
    }
    return { debug: write('debug'), info: write('info'), warn: write('warn') }
  }
}

export function memberAt(id: NodeId, port: number): Member {
  return { id, name: `n${id}`, peerAddress: `127.0.0.1:${port}`, kind: 'acceptor' }
}

function incarnationIdOf(incarnation: number): string {
  return `id-${incarnation}`
}

/** Remembers peers for as long as one incarnation of a node. */
function forgetful(): PeerIncarnations {
  const met = new Map<NodeId, PeerIncarnation>()
  return { get: (node) => met.get(node), remember: (node, found) => void met.set(node, found) }
}
