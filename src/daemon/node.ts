import { join } from 'node:path'
import { assert } from '../base/assert.ts'
import { PaxosError } from '../base/error.ts'
import { Random } from '../base/random.ts'
import { KvMachine } from '../machine/kv-machine.ts'
import type { Epoch } from '../protocol/epoch.ts'
import { firstGroup, type NodeId } from '../protocol/ids.ts'
import { MultiPaxos } from '../protocol/multipaxos/multipaxos.ts'
import { defaultMultiPaxosOptions, type MultiPaxosOptions } from '../protocol/multipaxos/options.ts'
import { Driver } from '../runtime/driver.ts'
import { defaultReplicaOptions, type ReplicaOptions } from '../runtime/options.ts'
import type { Links } from '../runtime/ports.ts'
import { Replica } from '../runtime/replica.ts'
import { type ApiContext, type ApiLimits, defaultApiLimits } from './api/context.ts'
import { ApiServer } from './api/server.ts'
import { systemClock } from './clock.ts'
import { deriveCluster } from './cluster-identity.ts'
import { parseAddress } from './config-setting.ts'
import type { NodeConfig } from './config-table.ts'
import type { NodeLogger } from './logger.ts'
import { LoopLag } from './loop-lag.ts'
import { Metrics } from './metrics.ts'
import { PeerLinks } from './net/peer-links.ts'
import { NodeObserver } from './node-observer.ts'
import { SlowLog } from './slow-log.ts'
import { SpaceGuard } from './space-guard.ts'
import { type DataDirectory, openDataDirectory } from './store/data-directory.ts'

export interface NodeDependencies {
  readonly log: NodeLogger
  readonly version: string
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

const spaceCheckMs = 2000

/**
 * The composition root: opens the data directory, builds the driver and its replica on the real ports, and serves.
 * Throws PaxosError DATA_DIR_REFUSED, BAD_CONFIG, PORT_IN_USE.
 */
export async function startNode(config: NodeConfig, { log, version }: NodeDependencies): Promise<RunningNode> {
  const { clusterId, self, epoch } = deriveCluster(config)
  const { logger } = log
  let resolveClosed: (error: Error | undefined) => void = () => {}
  const closed = new Promise<Error | undefined>((resolve) => {
    resolveClosed = resolve
  })
  const fail = (error: Error): void => {
    logger.fatal({ err: error }, 'the node must stop')
    driver?.kill()
    resolveClosed(error)
  }
  let driver: Driver | undefined
  const directory = await openDataDirectory({
    path: config.dataDir,
    expected: { clusterId, nodeId: self.id, name: self.name },
    commitDeadlineMs: config.limits.commitDeadlineMs,
    onFailure: fail,
  })
  const cleanUps: (() => Promise<void> | void)[] = [() => directory.close()]
  try {
    await settleEpoch(directory, epoch)
    let freeBytes = await directory.freeBytes()
    let links: PeerLinks | undefined
    // The links exist only after the driver that they bring messages to; nothing is sent before.
    const port: Links = {
      send: (...args) => links?.send(...args),
      isConnected: (to) => links?.isConnected(to) ?? false,
    }
    const loopLag = new LoopLag()
    cleanUps.push(() => loopLag.stop())
    const metrics = new Metrics(
      { node: self.name, version, clusterId },
      {
        status: () => replica.status(),
        peers: () =>
          others(epoch, self.id).map(({ id, name }) => {
            const info = links?.peerInfo(id)
            return {
              name,
              connected: info?.connected ?? false,
              queuedBytes: info?.queuedBytes ?? 0,
              droppedMessages: info?.droppedMessages ?? 0,
            }
          }),
        storeSizes: () => directory.sizeBytes(),
        diskFreeBytes: () => freeBytes,
        clientConnections: () => api.connections,
      },
      (level, message, fields) => logger[level](fields, message),
    )
    cleanUps.push(() => metrics.stop())
    const slowLog = new SlowLog({
      slowOperationMs: config.slowOperationMs,
      now: () => performance.now(),
      loopLagMs: () => loopLag.recentMs(),
      write: (line) => logger.warn(line, `slow operation: ${line.cause}`),
      count: (cause) => metrics.slowOperation(cause),
    })
    const observer = new NodeObserver(metrics, slowLog, logger, epoch.members)
    driver = new Driver({
      self: self.id,
      store: directory.acceptor,
      links: port,
      clock: systemClock,
      observer,
      onFatal: fail,
    })
    const replica = new Replica({
      group: firstGroup,
      epoch,
      self: self.id,
      host: driver.host(firstGroup),
      clock: systemClock,
      observer,
      options: replicaOptions(config),
      stateStore: directory.state,
      createMachine: (view) => new KvMachine(view),
      createEngine: (appliedUpTo) =>
        new MultiPaxos({
          self: self.id,
          incarnation: directory.incarnation,
          epoch,
          state: directory.acceptor.load(firstGroup, epoch.number),
          appliedUpTo,
          random: new Random((Date.now() ^ (process.pid << 8) ^ self.id) >>> 0),
          options: engineOptions(config),
          now: systemClock.now(),
        }),
    })
    const guard = new SpaceGuard(replica)
    const advertised = config.advertiseClient ?? config.listenClient
    const context: ApiContext = {
      clusterId,
      node: { name: self.name, id: self.id, version, clientAddress: advertised, peerAddress: self.peerAddress },
      replica: guard,
      requestLimits: config.limits,
      limits: apiLimits(config),
      logger,
      metricsText: () => metrics.text(),
      memberClientAddress: (id) => (id === self.id ? advertised : links?.peerInfo(id)?.clientAddress),
      getLogLevel: () => log.level(),
      setLogLevel: (level) => log.setLevel(level),
    }
    const api = new ApiServer(context, {
      ...listenAddress(config.listenClient),
      socketPath: join(config.dataDir, 'paxos.sock'),
    })
    const running = driver
    links = new PeerLinks({
      self: {
        clusterId,
        nodeId: self.id,
        name: self.name,
        incarnation: directory.incarnation,
        clientAddress: advertised,
        version,
      },
      members: epoch.members,
      listen: listenAddress(config.listenPeer),
      onMessage: (from, group, epochNumber, message) => running.onMessage({ group, epoch: epochNumber, from, message }),
      logger,
      limits: { queueBytesMax: config.limits.peerQueueBytesMax },
    })
    const peerPort = await links.start()
    cleanUps.push(() => links?.stop())
    driver.add(replica)
    const bound = await api.start()
    cleanUps.push(() => api.stop())
    const ticker = setInterval(() => running.tick(), config.tickMs)
    const spaceTicker = setInterval(() => {
      directory.freeBytes().then(
        (bytes) => {
          freeBytes = bytes
          guard.isLow = bytes < config.limits.freeSpaceMinBytes
        },
        (error: unknown) => logger.warn({ err: error }, 'cannot see how much of the disk is free'),
      )
    }, spaceCheckMs)
    guard.isLow = freeBytes < config.limits.freeSpaceMinBytes
    let stopping: Promise<void> | undefined
    const stop = async (): Promise<void> => {
      logger.info({}, 'stopping')
      // Clients first: what they have in flight still needs a leader.
      await api.stop()
      await new Promise<void>((resolve) => running.retire(resolve))
      clearInterval(ticker)
      clearInterval(spaceTicker)
      running.kill()
      await links?.stop()
      loopLag.stop()
      metrics.stop()
      await directory.close()
      logger.info({}, 'stopped')
      resolveClosed(undefined)
    }
    logger.info({ clusterId, incarnation: directory.incarnation, client: bound, peerPort }, 'serving')
    return {
      clientAddress: `${bound.host}:${bound.port}`,
      peerAddress: `${listenAddress(config.listenPeer).host}:${peerPort}`,
      closed,
      stop: () => {
        stopping ??= stop()
        return stopping
      },
    }
  } catch (error) {
    driver?.kill()
    for (const cleanUp of cleanUps.reverse()) await cleanUp()
    throw error
  }
}

/** The epoch on disk is what this node voted under; a configuration that says otherwise is not for this directory. */
async function settleEpoch({ acceptor, identity }: DataDirectory, epoch: Epoch): Promise<void> {
  const stored = acceptor.loadEpochs(firstGroup).at(-1)
  if (stored === undefined) {
    await acceptor.saveEpoch(firstGroup, epoch)
    return
  }
  if (JSON.stringify(stored) === JSON.stringify(epoch)) return
  throw new PaxosError('DATA_DIR_REFUSED', `The configuration differs from what node ${identity.name} last ran with`, {
    hint: 'Members, quorum sizes and lease are fixed when a cluster is made. Put the old configuration back.',
  })
}

function listenAddress(text: string): { readonly host: string; readonly port: number } {
  const address = parseAddress(text)
  assert(address !== undefined, `the configuration let a bad address pass: ${text}`)
  return address
}

function others(epoch: Epoch, self: NodeId): Epoch['members'] {
  return epoch.members.filter((member) => member.id !== self)
}

function engineOptions({ heartbeatMs, electionTimeoutMs, limits }: NodeConfig): MultiPaxosOptions {
  const { pipelineSlotsMax, logSlotsKeptMax, logBytesKeptMax } = limits
  return {
    ...defaultMultiPaxosOptions,
    heartbeatMs,
    electionTimeoutMs,
    resendMs: 2 * heartbeatMs,
    pipelineSlotsMax,
    logSlotsKeptMax,
    logBytesKeptMax,
  }
}

function replicaOptions({ historyRevisionsMax, limits }: NodeConfig): ReplicaOptions {
  const { batchBytesMax, batchRequestsMax, queueRequestsMax, queueBytesMax } = limits
  const { stateFlushBytes, stateFlushMs, snapshotChunkBytes } = limits
  return {
    ...defaultReplicaOptions,
    batchBytesMax,
    batchRequestsMax,
    queueRequestsMax,
    queueBytesMax,
    stateFlushBytes,
    stateFlushMs,
    snapshotChunkBytes,
    historyRevisionsMax,
  }
}

function apiLimits({ limits }: NodeConfig): ApiLimits {
  const { clientConnectionsMax: connectionsMax, streamRequestsMax } = limits
  return { ...defaultApiLimits, connectionsMax, streamRequestsMax }
}
