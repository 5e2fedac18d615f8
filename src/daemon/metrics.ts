import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Role } from '../protocol/effect.ts'
import type { NodeId } from '../protocol/ids.ts'
import type { Observer, RequestTiming } from '../runtime/observer.ts'
import type { ReplicaStatus } from '../runtime/replica-service.ts'
import type { BackupMetrics } from './backup/backup-schedule.ts'
import { type MetricDefinition, metrics } from './metrics-table.ts'

export interface PeerMetrics {
  readonly name: string
  readonly connected: boolean
  readonly queuedBytes: number
  readonly droppedMessages: number
}

/** Asked at each scrape. Must not throw. */
export interface MetricSources {
  /** Undefined while the node starts or stops. */
  status(): ReplicaStatus | undefined
  peers(): readonly PeerMetrics[]
  storeSizes(): { readonly acceptor: number; readonly state: number }
  diskFreeBytes(): number
  stateUsedBytes(): number
  stateQuotaBytes(): number
  /** Why writes are refused for want of room. */
  refusing(): 'disk' | 'quota' | undefined
  /** Undefined on a node that makes no backups by itself. */
  backups(): BackupMetrics | undefined
  clientConnections(): number
}

export interface MetricLabels {
  readonly node: string
  readonly version: string
  readonly clusterId: string
}

type Note = Observer['note']

/** Counts what the driver reports, and reads the rest when it is scraped. Has a registry of its own. */
export class Metrics {
  readonly #registry = new Registry()
  readonly #sources: MetricSources
  readonly #note: Note
  readonly #loop: ReturnType<typeof monitorEventLoopDelay>

  readonly #proposals = this.#counter(metrics.proposals)
  readonly #proposedRequests = this.#counter(metrics.proposedRequests)
  readonly #proposedBytes = this.#counter(metrics.proposedBytes)
  readonly #batchRequests = this.#histogram(metrics.batchRequests)
  readonly #commits = this.#histogram(metrics.commits)
  readonly #commitWrites = this.#counter(metrics.commitWrites)
  readonly #stateCommits = this.#histogram(metrics.stateCommits)
  readonly #stateChanges = this.#counter(metrics.stateChanges)
  readonly #appliedSlots = this.#counter(metrics.appliedSlots)
  readonly #appliedRequests = this.#counter(metrics.appliedRequests)
  readonly #requests = this.#counter(metrics.requests)
  readonly #requestDuration = this.#histogram(metrics.requestDuration)
  readonly #reads = this.#counter(metrics.reads)
  readonly #readDuration = this.#histogram(metrics.readDuration)
  readonly #roleChanges = this.#counter(metrics.roleChanges)
  readonly #snapshotBytes = this.#counter(metrics.snapshotBytes)
  readonly #snapshotsInstalled = this.#counter(metrics.snapshotsInstalled)
  readonly #divergences = this.#counter(metrics.divergences)
  readonly #slow = this.#counter(metrics.slow)

  constructor(labels: MetricLabels, sources: MetricSources, note: Note) {
    this.#sources = sources
    this.#note = note
    this.#loop = monitorEventLoopDelay({ resolution: 10 })
    this.#loop.enable()
    collectDefaultMetrics({ register: this.#registry })
    this.#gauge(metrics.info).set({ node: labels.node, version: labels.version, cluster: labels.clusterId }, 1)
    this.#collectStatus()
    this.#collectMembers()
    this.#collectPeers()
    this.#collectProcess()
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  /** The text of `/metrics`. */
  text(): Promise<string> {
    return this.#registry.metrics()
  }

  stop(): void {
    this.#loop.disable()
    this.#registry.clear()
  }

  committed(durationMs: number, writes: number): void {
    this.#commits.observe(durationMs / 1000)
    this.#commitWrites.inc(writes)
  }

  stateCommitted(durationMs: number, changes: number): void {
    this.#stateCommits.observe(durationMs / 1000)
    this.#stateChanges.inc(changes)
  }

  proposed(requests: number, bytes: number): void {
    this.#proposals.inc()
    this.#proposedRequests.inc(requests)
    this.#proposedBytes.inc(bytes)
    this.#batchRequests.observe(requests)
  }

  applied(requests: number): void {
    this.#appliedSlots.inc()
    this.#appliedRequests.inc(requests)
  }

  requestDone(timing: RequestTiming, outcome: 'replied' | 'failed'): void {
    this.#requestDuration.observe((timing.queueMs + timing.chooseMs + timing.applyMs) / 1000)
    this.#requests.inc({ outcome })
  }

  readDone(durationMs: number, by: 'readIndex' | 'lease' | 'stale', ok: boolean): void {
    this.#readDuration.observe(durationMs / 1000)
    this.#reads.inc({ by, outcome: ok ? 'answered' : 'failed' })
  }

  roleChanged(_role: Role, _leader: NodeId | undefined, _round: number, _node: number): void {
    this.#roleChanges.inc()
  }

  snapshotSent(bytes: number): void {
    this.#snapshotBytes.inc(bytes)
  }

  snapshotInstalled(_upTo: number): void {
    this.#snapshotsInstalled.inc()
  }

  divergence(isOver: boolean): void {
    if (!isOver) this.#divergences.inc()
  }

  note(...args: Parameters<Note>): void {
    this.#note(...args)
  }

  slowOperation(cause: string): void {
    this.#slow.inc({ cause })
  }

  #collectStatus(): void {
    const read = (definition: MetricDefinition, value: (status: ReplicaStatus) => number): void =>
      this.#collected(definition, (set) => {
        const status = this.#sources.status()
        if (status !== undefined) set({}, value(status))
      })
    read(metrics.ready, (status) => Number(status.notReady === undefined))
    read(metrics.leader, ({ engine }) => Number(engine.role === 'leader' && engine.steady))
    read(metrics.leaderKnown, ({ engine }) => Number(engine.leader !== undefined))
    read(metrics.epoch, ({ epoch }) => epoch.number)
    read(metrics.ballot, ({ engine }) => engine.ballot.round)
    read(metrics.promised, ({ engine }) => engine.promised.round)
    read(metrics.elections, ({ engine }) => engine.elections)
    read(metrics.queuedRequests, (status) => status.queuedRequests)
    read(metrics.queuedReads, (status) => status.queuedReads)
    read(metrics.sessions, (status) => status.sessions)
    read(metrics.chosen, ({ engine }) => engine.chosenUpTo)
    read(metrics.applied, (status) => status.appliedUpTo)
    read(metrics.durable, (status) => status.durableUpTo)
    read(metrics.truncated, (status) => status.truncatedUpTo)
    read(metrics.gaps, ({ engine }) => Math.max(0, engine.votedUpTo - engine.chosenUpTo))
    read(metrics.openSlots, ({ engine }) => engine.openSlots)
    read(metrics.logBytes, ({ engine }) => engine.logBytes)
    read(metrics.revision, (status) => status.revision)
    read(metrics.verified, (status) => status.verifiedUpTo ?? 0)
    read(metrics.compactedRevision, (status) => status.compactedRevision)
  }

  #collectMembers(): void {
    const read = (definition: MetricDefinition, value: (status: ReplicaStatus, at: number) => number): void =>
      this.#collected(definition, (set) => {
        const status = this.#sources.status()
        status?.engine.peers.forEach((peer, at) => {
          const member = status.epoch.members.find(({ id }) => id === peer.id)?.name ?? String(peer.id)
          set({ member }, value(status, at))
        })
      })
    this.#collected(metrics.divergence, (set) => {
      const status = this.#sources.status()
      for (const { id, name } of status?.epoch.members ?? []) {
        set({ member: name }, Number(status?.diverged.some(({ node }) => node === id) === true))
      }
    })
    read(metrics.memberReachable, ({ engine }, at) => Number(engine.peers[at]?.reachable ?? false))
    read(metrics.memberLag, ({ engine }, at) => Math.max(0, engine.chosenUpTo - (engine.peers[at]?.chosenUpTo ?? 0)))
  }

  #collectPeers(): void {
    const read = (definition: MetricDefinition, value: (peer: PeerMetrics) => number): void =>
      this.#collected(definition, (set) => {
        for (const peer of this.#sources.peers()) set({ member: peer.name }, value(peer))
      })
    read(metrics.peerConnected, (peer) => Number(peer.connected))
    read(metrics.peerQueue, (peer) => peer.queuedBytes)
    read(metrics.peerDropped, (peer) => peer.droppedMessages)
  }

  #collectProcess(): void {
    this.#collected(metrics.clientConnections, (set) => set({}, this.#sources.clientConnections()))
    this.#collected(metrics.storeSize, (set) => {
      const sizes = this.#sources.storeSizes()
      set({ store: 'acceptor' }, sizes.acceptor)
      set({ store: 'state' }, sizes.state)
    })
    this.#collected(metrics.diskFree, (set) => set({}, this.#sources.diskFreeBytes()))
    this.#collected(metrics.stateUsed, (set) => set({}, this.#sources.stateUsedBytes()))
    this.#collected(metrics.stateQuota, (set) => set({}, this.#sources.stateQuotaBytes()))
    this.#collected(metrics.refusingWrites, (set) => {
      for (const why of ['disk', 'quota'] as const) set({ why }, Number(this.#sources.refusing() === why))
    })
    this.#collected(metrics.backupAge, (set) => {
      const ageMs = this.#sources.backups()?.ageMs
      if (ageMs !== undefined) set({}, ageMs / 1000)
    })
    this.#collected(metrics.backupFailures, (set) => set({}, this.#sources.backups()?.failures ?? 0))
    this.#collected(metrics.loopLag, (set) => {
      const loop = this.#loop
      // The monitor measures whole intervals; what exceeds its own resolution is lag.
      const lag = (nanoseconds: number): number => Math.max(0, (nanoseconds || 0) / 1e9 - 0.01)
      set({ quantile: '0.5' }, lag(loop.percentile(50)))
      set({ quantile: '0.99' }, lag(loop.percentile(99)))
      set({ quantile: '1' }, lag(loop.max))
      loop.reset()
    })
  }

  /** A gauge, or a counter kept elsewhere, that is read when it is scraped. */
  #collected(
    definition: MetricDefinition,
    collect: (set: (labels: Readonly<Record<string, string>>, value: number) => void) => void,
  ): void {
    const common = { name: definition.name, help: definition.help, labelNames: [...(definition.labels ?? [])] }
    const registers = [this.#registry]
    if (definition.type === 'counter') {
      new Counter({
        ...common,
        registers,
        collect() {
          this.reset()
          collect((labels, value) => this.inc({ ...labels }, value))
        },
      })
    } else {
      new Gauge({
        ...common,
        registers,
        collect() {
          this.reset()
          collect((labels, value) => this.set({ ...labels }, value))
        },
      })
    }
  }

  #counter({ name, help, labels = [] }: MetricDefinition): Counter {
    return new Counter({ name, help, labelNames: [...labels], registers: [this.#registry] })
  }

  #gauge({ name, help, labels = [] }: MetricDefinition): Gauge {
    return new Gauge({ name, help, labelNames: [...labels], registers: [this.#registry] })
  }

  #histogram({ name, help, buckets = [] }: MetricDefinition): Histogram {
    return new Histogram({ name, help, buckets: [...buckets], registers: [this.#registry] })
  }
}
