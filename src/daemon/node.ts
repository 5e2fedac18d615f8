import { join } from 'node:path'
import { assert } from '../base/assert.ts'
import { PaxosError } from '../base/error.ts'
import { Random } from '../base/random.ts'
import { KvMachine } from '../machine/kv-machine.ts'
import type { Epoch, Member } from '../protocol/epoch.ts'
import { featureLevels } from '../protocol/feature-level.ts'
import { firstEpoch, firstGroup, type NodeId } from '../protocol/ids.ts'
import { MultiPaxos } from '../protocol/multipaxos/multipaxos.ts'
import { Driver } from '../runtime/driver.ts'
import { GrowthGate } from '../runtime/growth-gate.ts'
import type { Observer } from '../runtime/observer.ts'
import { Replica } from '../runtime/replica.ts'
import type { DiagnosisJson, SpaceJson } from '../wire/api-types.ts'
import { defaultApiLimits } from './api/context.ts'
import { ApiServer } from './api/server.ts'
import { BackupSchedule } from './backup/backup-schedule.ts'
import { systemClock } from './clock.ts'
import type { ClusterIdentity } from './cluster-identity.ts'
import { parseAddress } from './config-setting.ts'
import type { NodeConfig } from './config-table.ts'
import { diagnose } from './diagnosis.ts'
import type { NodeLogger } from './logger.ts'
import { LoopLag } from './loop-lag.ts'
import { Metrics, type PeerMetrics } from './metrics.ts'
import { PeerLinks } from './net/peer-links.ts'
import { expectedOf, identify, letInAgain, settleEpochs } from './node-identity.ts'
import { NodeObserver } from './node-observer.ts'
import { apiLimits, engineOptions, replicaOptions } from './node-options.ts'
import { RecentFlushes } from './recent-flushes.ts'
import { liveSurvivor } from './recovery/live-survivor.ts'
import { shownConfig } from './shown-config.ts'
import { SlowLog } from './slow-log.ts'
import { reportSpace } from './space/report-space.ts'
import { SpaceReclaim } from './space/space-reclaim.ts'
import { SpaceWatch } from './space/space-watch.ts'
import { type DataDirectory, openDataDirectory } from './store/data-directory.ts'

export interface NodeDependencies {
  readonly log: NodeLogger
  readonly version: string
  /** Settles when the node is asked to stop: it may be waiting to be let into a cluster. */
  readonly stopped: Promise<unknown>
}

export interface RunningNode {
  /** `host:port` as bound. */
  readonly clientAddress: string
  readonly peerAddress: string
  /** Gives up leadership, finishes what is open within a bound, makes everything durable, closes. */
  stop(): Promise<void>
  /** Resolves when the node has stopped: with the error if it had to. After an error the process must exit at once. */
  readonly closed: Promise<Error | undefined>
}

/** How often free disk space is looked at. */
const spaceCheckMs = 2000
/** A service manager does not start a node again that was refused; whoever looks into its directory lets go of it in the end. */
const readersWaitMs = 600_000

/**
 * The composition root: opens the data directory, builds the driver and its replica on the real ports, and serves.
 * Undefined when it was asked to stop before. Throws PaxosError DATA_DIR_REFUSED, BAD_CONFIG, PORT_IN_USE.
 */
export async function startNode(config: NodeConfig, dependencies: NodeDependencies): Promise<RunningNode | undefined> {
  const configured = await identify(config, dependencies)
  if (configured === undefined) return undefined
  let onFatal: (error: Error) => void = () => {}
  const failed = new Promise<Error>((resolve) => {
    onFatal = resolve
  })
  const directory = await openDataDirectory({
    readersWaitMs,
    onWait: (owner) =>
      dependencies.log.logger.warn({ dataDir: config.dataDir }, `waiting for ${owner} to let go of the directory`),
    path: config.dataDir,
    expected: configured.epoch === undefined ? undefined : expectedOf(configured),
    commitDeadlineMs: config.limits.commitDeadlineMs,
    keptBytesMax: config.limits.backupLogBytesMax,
    onFailure: onFatal,
    givenUp: dependencies.stopped,
  }).catch((error: unknown) => {
    if (error instanceof PaxosError && error.code === 'STOPPING') return undefined
    throw error
  })
  if (directory === undefined) return undefined
  if (directory.state.wasUnborn) dependencies.log.logger.info({}, 'state.mdb was empty and is made anew')
  try {
    // A cluster that was restored has an id of its own.
    const cluster = { ...configured, clusterId: directory.identity.clusterId }
    const epochs = await settleEpochs(directory, cluster.epoch ?? (await letInAgain(config, dependencies, directory)))
    if (epochs === undefined) {
      await directory.close()
      return undefined
    }
    const freeBytes = await directory.freeBytes()
    const node = new Node(config, dependencies, cluster, directory, epochs, freeBytes, onFatal, failed)
    await node.start()
    return node
  } catch (error) {
    await directory.close()
    throw error
  }
}

class Node implements RunningNode {
  readonly closed: Promise<Error | undefined>
  readonly #config: NodeConfig
  readonly #log: NodeLogger
  readonly #version: string
  readonly #cluster: ClusterIdentity
  readonly #directory: DataDirectory
  /** Known when the node started. */
  readonly #epochs: readonly Epoch[]
  readonly #loopLag = new LoopLag()
  readonly #flushes = new RecentFlushes(() => performance.now())
  readonly #space: SpaceWatch
  readonly #reclaim: SpaceReclaim
  readonly #metrics: Metrics
  readonly #driver: Driver
  readonly #replica: Replica
  readonly #links: PeerLinks
  readonly #api: ApiServer
  readonly #backups: BackupSchedule | undefined
  readonly #tickers: NodeJS.Timeout[] = []
  #clientAddress = ''
  #peerAddress = ''
  #stopping: Promise<void> | undefined
  #onClosed: () => void = () => {}

  constructor(
    config: NodeConfig,
    { log, version }: NodeDependencies,
    cluster: ClusterIdentity,
    directory: DataDirectory,
    epochs: readonly Epoch[],
    freeBytes: number,
    onFatal: (error: Error) => void,
    failed: Promise<Error>,
  ) {
    this.#config = config
    this.#log = log
    this.#version = version
    this.#cluster = cluster
    this.#directory = directory
    this.#epochs = epochs
    this.#space = new SpaceWatch(
      { freeBytes: directory.freeBytes, stateUsage: () => directory.state.usage(), now: () => performance.now() },
      {
        node: cluster.self.name,
        freeMinBytes: config.limits.freeSpaceMinBytes,
        stateBytesMax: config.limits.stateBytesMax,
        freeBytes,
      },
      log.logger,
    )
    const stopped = new Promise<undefined>((resolve) => {
      this.#onClosed = () => resolve(undefined)
    })
    this.#metrics = this.#createMetrics()
    const observer = this.#createObserver()
    this.#links = this.#createLinks()
    this.#driver = new Driver({
      self: cluster.self.id,
      store: directory.acceptor,
      links: this.#links,
      clock: systemClock,
      observer,
      onFatal,
    })
    this.#replica = this.#createReplica(observer)
    this.#reclaim = new SpaceReclaim({
      node: cluster.self.name,
      store: directory.state,
      freeBytes: directory.freeBytes,
      freeMinBytes: config.limits.freeSpaceMinBytes,
      logger: log.logger,
      now: () => performance.now(),
    })
    this.#api = this.#createApi()
    this.#backups = this.#createBackups()
    this.closed = Promise.race([failed, stopped])
    failed.then((error) => {
      log.logger.fatal({ err: error }, 'the node must stop')
      this.#driver.kill()
    }, onFatal)
  }

  get clientAddress(): string {
    return this.#clientAddress
  }

  get peerAddress(): string {
    return this.#peerAddress
  }

  async start(): Promise<void> {
    let peerPort: number
    try {
      peerPort = await this.#links.start()
      this.#peerAddress = `${listenAddress(this.#config.listenPeer).host}:${peerPort}`
      this.#driver.add(this.#replica)
      const { host, port } = await this.#api.start()
      this.#clientAddress = `${host}:${port}`
    } catch (error) {
      this.#driver.kill()
      await this.#links.stop()
      this.#stopMeasuring()
      throw error
    }
    this.#backups?.start()
    this.#tickers.push(
      setInterval(() => this.#driver.tick(), this.#config.tickMs),
      setInterval(() => this.#checkSpace(), spaceCheckMs),
    )
    this.#log.logger.info(
      {
        clusterId: this.#cluster.clusterId,
        incarnation: this.#directory.incarnation,
        client: this.#clientAddress,
        peer: this.#peerAddress,
      },
      'serving',
    )
    this.#warnOfForwarding(peerPort)
  }

  /** Right behind a port mapping; otherwise a slip, which without this line shows only on the other members. */
  #warnOfForwarding(peerPort: number): void {
    const { peerAddress } = this.#cluster.self
    if (listenAddress(peerAddress).port === peerPort) return
    this.#log.logger.warn(
      { dialled: peerAddress, listening: this.#peerAddress },
      'the other members dial another port than listenPeer: it must be forwarded here',
    )
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    this.#log.logger.info({}, 'stopping')
    const backupsStopped = this.#backups?.stop()
    // Clients first: what they have in flight still needs a leader.
    await this.#api.stop()
    await new Promise<void>((resolve) => this.#driver.retire(resolve))
    await backupsStopped
    for (const ticker of this.#tickers) clearInterval(ticker)
    this.#driver.kill()
    await this.#links.stop()
    this.#stopMeasuring()
    await this.#directory.close()
    this.#log.logger.info({}, 'stopped')
    this.#onClosed()
  }

  #stopMeasuring(): void {
    this.#loopLag.stop()
    this.#metrics.stop()
  }

  #createMetrics(): Metrics {
    const { logger } = this.#log
    const { clusterId, self } = this.#cluster
    return new Metrics(
      { node: self.name, version: this.#version, clusterId },
      {
        status: () => this.#replica.status(),
        peers: () => this.#peerMetrics(),
        storeSizes: () => this.#directory.sizeBytes(),
        diskFreeBytes: () => this.#space.freeBytes,
        stateUsedBytes: () => this.#space.stateBytes,
        stateQuotaBytes: () => this.#config.limits.stateBytesMax,
        refusing: () => this.#space.refusing,
        backups: () => this.#backups?.metrics(),
        clientConnections: () => this.#api.connections,
      },
      (level, message, fields) => logger[level](fields, message),
    )
  }

  #createObserver(): Observer {
    const { logger } = this.#log
    const slowLog = new SlowLog({
      slowOperationMs: this.#config.slowOperationMs,
      now: () => performance.now(),
      loopLagMs: () => this.#loopLag.recentMs(),
      write: (line) => logger.warn(line, `slow operation: ${line.cause}`),
      count: (cause) => this.#metrics.slowOperation(cause),
    })
    const members = this.#epochs.flatMap((epoch) => epoch.members)
    return new NodeObserver(this.#metrics, this.#flushes, slowLog, this.#space, logger, members)
  }

  #createLinks(): PeerLinks {
    const { clusterId, self } = this.#cluster
    return new PeerLinks({
      self: {
        clusterId,
        nodeId: self.id,
        name: self.name,
        diskId: this.#directory.identity.diskId,
        ...this.#directory.incarnations.current,
        earlierIncarnations: this.#directory.incarnations.earlier,
        clientAddress: this.#advertisedAddress(),
        version: this.#version,
        featureLevels,
        foundedLevel: this.#epochs.find(({ number }) => number === firstEpoch)?.featureLevel ?? 0,
      },
      members: this.#epochs.at(-1)?.members ?? [],
      featureLevel: this.#epochs.at(-1)?.featureLevel ?? featureLevels.max,
      listen: listenAddress(this.#config.listenPeer),
      incarnations: this.#directory.peerIncarnations,
      recovered: this.#directory.identity.recovered ?? [],
      onMessage: (from, group, epochNumber, message) =>
        this.#driver.onMessage({ group, epoch: epochNumber, from, message }),
      logger: this.#log.logger,
      limits: { queueBytesMax: this.#config.limits.peerQueueBytesMax },
    })
  }

  #createReplica(observer: Observer): Replica {
    const { self } = this.#cluster
    const { acceptor, state, incarnation } = this.#directory
    return new Replica({
      group: firstGroup,
      epochs: this.#epochs,
      self: self.id,
      incarnation,
      host: this.#driver.host(firstGroup),
      clock: systemClock,
      observer,
      options: replicaOptions(this.#cluster.self.id, this.#config),
      stateStore: state,
      growthGate: new GrowthGate(() => this.#space.whyRefusing()),
      createMachine: (view) => new KvMachine(view),
      createEngine: (epoch, appliedUpTo, isNew) =>
        new MultiPaxos({
          self: self.id,
          incarnation,
          epoch,
          state: acceptor.load(firstGroup, epoch.number),
          appliedUpTo,
          random: new Random((Date.now() ^ (process.pid << 8) ^ self.id) >>> 0),
          options: engineOptions(this.#config),
          now: systemClock.now(),
          isNew,
        }),
    })
  }

  #createApi(): ApiServer {
    const { clusterId, self } = this.#cluster
    const clientAddress = this.#advertisedAddress()
    return new ApiServer(
      {
        clusterId,
        node: {
          ...{ name: self.name, id: self.id, incarnation: this.#directory.incarnation },
          ...{ version: this.#version, clientAddress, peerAddress: self.peerAddress },
        },
        replica: this.#replica,
        keptLog: this.#directory.acceptor,
        requestLimits: this.#config.limits,
        limits: apiLimits(this.#config),
        auditWrites: this.#config.auditWrites,
        logger: this.#log.logger,
        metricsText: () => this.#metrics.text(),
        whyShunned: () => this.#links.whyShunned(),
        diagnosis: () => this.#diagnose(),
        survivor: () => liveSurvivor(this.#directory, this.#replica),
        space: () => this.#reportSpace(),
        reclaim: this.#reclaim,
        stateSizes: (wanted) => this.#directory.state.sizes(wanted),
        config: () => shownConfig(this.#config),
        logLines: () => this.#log.recentLines(),
        memberFeatureLevels: (id) => {
          const info = this.#links.peerInfo(id)
          return info?.connected === true ? info.featureLevels : undefined
        },
        memberClientAddress: (id) => (id === self.id ? clientAddress : this.#links.peerInfo(id)?.clientAddress),
        getLogLevel: () => this.#log.level(),
        setLogLevel: (level) => this.#log.setLevel(level),
      },
      { ...listenAddress(this.#config.listenClient), socketPath: join(this.#config.dataDir, 'paxos.sock') },
    )
  }

  #diagnose(): Promise<DiagnosisJson> {
    const { clusterId, self } = this.#cluster
    return diagnose({
      clusterId,
      version: this.#version,
      config: this.#config,
      flushes: this.#flushes,
      loopLag: this.#loopLag,
      space: this.#space,
      backups: () => this.#backups?.metrics(),
      others: () => others(this.#replica.epoch, self.id),
      peerInfo: (id) => this.#links.peerInfo(id),
    })
  }

  #createBackups(): BackupSchedule | undefined {
    const { backupDir, backupEvery, backupKeep, backupFullEvery, name } = this.#config
    if (backupDir === undefined) return undefined
    return new BackupSchedule({
      directory: backupDir,
      everyMs: backupEvery,
      keep: backupKeep,
      fullEvery: backupFullEvery,
      keptLog: this.#directory.acceptor,
      chunkBytes: defaultApiLimits.backupChunkBytes,
      replica: this.#replica,
      origin: { program: this.#version, clusterId: this.#cluster.clusterId, node: name },
      logger: this.#log.logger,
      now: Date.now,
    })
  }

  #peerMetrics(): PeerMetrics[] {
    return others(this.#replica.epoch, this.#cluster.self.id).map(({ id, name }) => {
      const info = this.#links.peerInfo(id)
      return {
        name,
        connected: info?.connected ?? false,
        queuedBytes: info?.queuedBytes ?? 0,
        droppedMessages: info?.droppedMessages ?? 0,
      }
    })
  }

  #reportSpace(): Promise<SpaceJson> {
    return reportSpace({
      clusterId: this.#cluster.clusterId,
      node: this.#cluster.self.name,
      dataDir: this.#config.dataDir,
      freeMinBytes: this.#config.limits.freeSpaceMinBytes,
      directory: this.#directory,
      watch: this.#space,
      status: () => this.#replica.status(),
    })
  }

  #checkSpace(): void {
    this.#space.look().catch((error: unknown) => {
      this.#log.logger.warn({ err: error }, 'cannot see how much of the disk is free')
    })
  }

  #advertisedAddress(): string {
    return this.#config.advertiseClient ?? this.#config.listenClient
  }
}

function listenAddress(text: string): { readonly host: string; readonly port: number } {
  const address = parseAddress(text)
  assert(address !== undefined, 'the configuration let a bad address pass: %s', text)
  return address
}

function others(epoch: Epoch, self: NodeId): readonly Member[] {
  return epoch.members.filter((member) => member.id !== self)
}
