import type { Random } from '../base/random.ts'
import type { EpochNumber, GroupId, NodeId } from '../protocol/ids.ts'
import type { PeerMessage } from '../runtime/peer-message.ts'
import { decodePeer, encodePeer } from '../wire/peer-codec.ts'
import type { Coverage } from './fault-points.ts'
import type { NetworkOptions } from './options.ts'
import type { Scheduler } from './scheduler.ts'
import { type Trace, traceKind } from './trace.ts'
import { describeMessage } from './transcript.ts'

export interface NetworkEnd {
  /** A message has arrived. The node may be down or paused; that is its business. */
  receive(from: NodeId, group: GroupId, epoch: EpochNumber, message: PeerMessage): void
}

/** From, to: one direction. */
export type Link = readonly [from: NodeId, to: NodeId]

/** Told of every message that leaves, before the network does anything to it. */
export type SendWatcher = (from: NodeId, epoch: EpochNumber, message: PeerMessage) => void

/**
 * Carries encoded messages between nodes: loses, doubles, delays and reorders them, never changes them. Which directed
 * links are cut is decided by the nemesis.
 */
export class Network {
  readonly #scheduler: Scheduler
  readonly #random: Random
  readonly #trace: Trace
  readonly #coverage: Coverage
  readonly #watch: SendWatcher
  readonly #ends = new Map<NodeId, NetworkEnd>()
  /** How often each link is cut: partitions may overlap. */
  readonly #cut = new Map<number, number>()
  /** Which cluster each node is of, where it is not the first. */
  readonly #clusters = new Map<NodeId, number>()
  /** Until when each link holds back what it carries. */
  readonly #clogged = new Map<number, number>()
  #options: NetworkOptions

  constructor(
    scheduler: Scheduler,
    random: Random,
    options: NetworkOptions,
    trace: Trace,
    coverage: Coverage,
    watch: SendWatcher,
  ) {
    this.#scheduler = scheduler
    this.#random = random
    this.#options = options
    this.#trace = trace
    this.#coverage = coverage
    this.#watch = watch
  }

  attach(node: NodeId, end: NetworkEnd): void {
    this.#ends.set(node, end)
  }

  /** From now on everything arrives, soon and once, unless its link is cut. */
  calm(): void {
    this.#options = {
      ...this.#options,
      loss: 0,
      duplicate: 0,
      tail: 0,
      meanDelayMs: Math.min(this.#options.meanDelayMs, 5),
    }
  }

  cut(links: readonly Link[]): void {
    for (const [from, to] of links) {
      const link = linkNumber(from, to)
      this.#cut.set(link, (this.#cut.get(link) ?? 0) + 1)
    }
  }

  /** Takes one cut of each back. */
  mend(links: readonly Link[]): void {
    for (const [from, to] of links) {
      const link = linkNumber(from, to)
      const left = (this.#cut.get(link) ?? 0) - 1
      if (left > 0) this.#cut.set(link, left)
      else this.#cut.delete(link)
    }
  }

  /** What these links carry arrives when the time is over, and not before. */
  clog(links: readonly Link[], forMs: number): void {
    this.#coverage.hit('net.clog')
    const until = this.#scheduler.now + forMs
    for (const [from, to] of links) {
      const link = linkNumber(from, to)
      this.#clogged.set(link, Math.max(until, this.#clogged.get(link) ?? 0))
    }
  }

  /** Every link is whole. What was held back comes now. */
  heal(): void {
    this.#cut.clear()
    this.#clogged.clear()
  }

  isCut(from: NodeId, to: NodeId): boolean {
    return this.#cut.has(linkNumber(from, to))
  }

  isConnected(from: NodeId, to: NodeId): boolean {
    return !this.isCut(from, to) && this.#clusterOf(from) === this.#clusterOf(to)
  }

  /** From now on it takes messages of this cluster's nodes alone, and they are the only ones that take its. */
  join(node: NodeId, cluster: number): void {
    this.#clusters.set(node, cluster)
  }

  #clusterOf(node: NodeId): number {
    return this.#clusters.get(node) ?? 0
  }

  send(from: NodeId, group: GroupId, epoch: EpochNumber, to: readonly NodeId[], message: PeerMessage): void {
    const bytes = encodePeer(group, epoch, message)
    if (message.kind === 'catchupReply') this.#coverage.hit('log.catchup')
    if (message.kind === 'epochBegun') this.#coverage.hit('epoch.told')
    for (const node of to) {
      this.#watch(from, epoch, message)
      this.#trace.event(
        traceKind.send,
        from,
        node,
        bytes,
        () => `${stamp(this.#scheduler.now)} n${from} -> n${node} ${describeMessage(message)}`,
      )
      this.#carry(from, node, bytes)
    }
  }

  #carry(from: NodeId, to: NodeId, bytes: Uint8Array): void {
    const { loss, duplicate } = this.#options
    if (this.isCut(from, to)) return
    if (this.#random.chance(loss)) {
      this.#coverage.hit('net.drop')
      this.#trace.event(
        traceKind.drop,
        from,
        to,
        undefined,
        () => `${stamp(this.#scheduler.now)} lost: n${from} -> n${to}`,
      )
      return
    }
    this.#deliverLater(from, to, bytes)
    if (!this.#random.chance(duplicate)) return
    this.#coverage.hit('net.duplicate')
    this.#deliverLater(from, to, bytes)
  }

  #deliverLater(from: NodeId, to: NodeId, bytes: Uint8Array): void {
    const { meanDelayMs, tail, tailMs } = this.#options
    let delayMs = meanDelayMs * (0.5 + this.#random.next())
    if (this.#random.chance(tail)) {
      this.#coverage.hit('net.tail')
      this.#coverage.hit('net.reorder')
      delayMs += this.#random.next() * tailMs
    }
    const cluster = this.#clusterOf(from)
    const arrive = (): void => {
      if (this.isCut(from, to)) return
      if (cluster !== this.#clusterOf(to)) {
        this.#coverage.hit('recovery.stranger')
        return
      }
      const clogged = this.#clogged.get(linkNumber(from, to)) ?? 0
      if (clogged > this.#scheduler.now) {
        // Behind a clog the order is lost, as when each message is sent again by itself.
        this.#scheduler.after(clogged - this.#scheduler.now + meanDelayMs * 4 * this.#random.next(), arrive)
        return
      }
      const { group, epoch, message } = decodePeer(bytes)
      this.#trace.event(
        traceKind.deliver,
        from,
        to,
        undefined,
        () => `${stamp(this.#scheduler.now)} n${to} <- n${from} ${describeMessage(message)}`,
      )
      this.#ends.get(to)?.receive(from, group as GroupId, epoch as EpochNumber, message)
    }
    this.#scheduler.after(delayMs, arrive)
  }
}

export function stamp(now: number): string {
  return now.toFixed(2).padStart(10)
}

function linkNumber(from: NodeId, to: NodeId): number {
  return from * 1000 + to
}
