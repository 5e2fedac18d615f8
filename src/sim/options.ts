import { Random } from '../base/random.ts'
import { auditLevel } from '../protocol/feature-level.ts'
import { clockDriftMax } from './clock.ts'
import { type AmbushKind, ambushKinds } from './fault-points.ts'
import { themes } from './themes.ts'

/** One run, expanded from a seed. Everything that happens follows from these values and the seed. */
export interface SimOptions {
  readonly seed: number
  /** Worse than what the protocol promises to survive: it may stop, and must not lie. */
  readonly isBeyond: boolean
  readonly nodes: number
  readonly q1: number
  readonly q2: number
  readonly leaseMs: number
  /** Simulated time of the phase with faults. */
  readonly durationMs: number
  /** After it, a quorum heals for good and must make progress. */
  readonly hasLivenessPhase: boolean
  readonly network: NetworkOptions
  readonly process: ProcessOptions
  readonly disk: DiskOptions
  readonly clock: ClockOptions
  readonly workload: WorkloadOptions
  readonly limits: LimitOptions
  readonly changes: ChangeOptions
  /** What operators ask for meanwhile. */
  readonly operator: OperatorOptions
  readonly recovery: RecoveryOptions
  readonly restore: RestoreOptions
  readonly audit: AuditOptions
}

/** Feature levels, and how much is said of who asks: at the level of the audit trail and above. */
export interface AuditOptions {
  /** The cluster's at its beginning. */
  readonly featureLevel: number
  /** With the first change of epoch it rises so far, as when an operator finalizes an upgrade. */
  readonly risesTo: number
  /** Share of writes that say where they come from. */
  readonly origins: number
}

/** A backup is taken meanwhile, and another cluster is restored from it afterwards, under faults as well. */
export interface RestoreOptions {
  /** When it is taken; 0 = never. */
  readonly atMs: number
  readonly nodes: number
  /** How long the restored cluster is looked at. */
  readonly forMs: number
}

/** Changes of members and quorum sizes while everything else goes wrong. */
export interface ChangeOptions {
  /** Mean time between them; 0 = none. */
  readonly everyMs: number
  /** How many nodes may join beside those that are there from the start. */
  readonly spares: number
}

export interface NetworkOptions {
  readonly loss: number
  readonly duplicate: number
  readonly meanDelayMs: number
  /** Chance that a message takes the long way, up to `tailMs`. */
  readonly tail: number
  readonly tailMs: number
  /** Mean time between partitions; 0 = none. */
  readonly partitionEveryMs: number
  readonly partitionForMs: number
  /** Chance that a partition flaps while it lasts. */
  readonly flap: number
  /** Mean time between clogs: all that one node sends, hears or both is held back, and comes later. 0 = none. */
  readonly clogEveryMs: number
  readonly clogForMs: number
}

export interface ProcessOptions {
  /** Chances at each commit or send. */
  readonly crashBeforeCommit: number
  readonly crashAfterCommit: number
  readonly crashBeforeSend: number
  readonly crashAfterSend: number
  /** Mean time between crashes out of nowhere; 0 = none. */
  readonly crashEveryMs: number
  readonly downForMs: number
  readonly pauseEveryMs: number
  readonly pauseForMs: number
  /** Chance that a node is slow, and how long each of its turns then takes to come. */
  readonly slow: number
  readonly slowMs: number
  /** Mean time between planned restarts, which give up leadership first; 0 = none. */
  readonly stopEveryMs: number
  /** Mean time between ambushes of the leader, each one of the kinds; 0 = none. */
  readonly ambushEveryMs: number
  readonly ambushes: readonly AmbushKind[]
  /** Chance that a leader is ambushed as soon as it is elected. */
  readonly ambushElected: number
}

export interface DiskOptions {
  readonly meanCommitMs: number
  /** Chance that a commit takes `delayMs`. */
  readonly delayed: number
  readonly delayMs: number
  /** Chance that a commit fails, which stops the node. */
  readonly failed: number
  /** Chance at each restart that the node's promise can no longer be read: it must not vote from then on. */
  readonly refused: number
  /** Chance at each restart that one vote on one chosen node can no longer be read. */
  readonly corruptVote: number
  /** Chance at a crash that an unfinished commit had reached the disk. */
  readonly keepUnsynced: number
  /** Chance at a restart that the machine's data is gone, while the log is whole. */
  readonly stateLost: number
  /** Mean time between spells of a full disk; 0 = none. */
  readonly fullEveryMs: number
  readonly fullForMs: number
}

export interface ClockOptions {
  /** Each clock runs at a rate within 1 ± this. */
  readonly drift: number
  /** One clock is as slow as it may be, and the others as fast. */
  readonly isExtreme: boolean
  readonly wallJumpEveryMs: number
  readonly wallJumpMs: number
  readonly suspendEveryMs: number
  readonly suspendForMs: number
}

export interface WorkloadOptions {
  readonly clients: number
  readonly keys: number
  readonly meanThinkMs: number
  readonly timeoutMs: number
  /** Share of clients that always ask the same node. */
  readonly settled: number
  /** Share of clients that only read or only write. */
  readonly apart: number
  /** Share of clients that notice at once that the node they wait for has crashed. */
  readonly alert: number
  /** Share of clients with a session, which retry. */
  readonly sessions: number
  /** How often such a client asks for the same before it gives up. */
  readonly tries: number
  readonly reads: number
  readonly staleReads: number
  readonly transactions: number
  readonly deletes: number
  readonly compactions: number
}

export interface LimitOptions {
  readonly pipelineSlotsMax: number
  readonly batchRequestsMax: number
  readonly logSlotsKeptMax: number
  readonly logBytesKeptMax: number
  readonly openSlotsMax: number
  readonly stateFlushMs: number
  readonly snapshotChunkBytes: number
  readonly messageBytesMax: number
  readonly heartbeatMs: number
  readonly electionTimeoutMs: number
}

export interface OperatorOptions {
  /** Mean time between times when whoever leads is asked to hand over to another; 0 = none. */
  readonly handOverEveryMs: number
  /** Mean time between times when some node is asked to seek leadership, as a takeover of `log fill` does; 0 = none. */
  readonly takeOverEveryMs: number
}

/** Members die for good until no quorum is left, and an operator recovers the cluster with the others. */
export interface RecoveryOptions {
  /** When they die; 0 = never. */
  readonly atMs: number
  /** Chance of each member to be among them. */
  readonly deaths: number
  /** How long they are cut off from the others before: the dead know what nobody else does. */
  readonly apartMs: number
  /** How long the others go on without them. */
  readonly aloneMs: number
  /** Chance that writing the plan into a directory is interrupted, and done again. */
  readonly interrupted: number
  /** Chance that one of the dead comes back with the disk that it had. */
  readonly returns: number
}

/** Draws every probability anew, zero included, so that seeds differ in kind (swarm testing, reliability 1a). */
export function expandSeed(seed: number, durationMs = 30_000, nodesWanted?: number): SimOptions {
  const random = new Random(seed ^ 0x5eed)
  const some = (chance: number, low: number, high: number): number =>
    random.chance(chance) ? low + random.next() * (high - low) : 0
  const nodesDrawn = random.integer(1, 8)
  const nodes = nodesWanted ?? nodesDrawn
  const q2 = random.chance(0.6) ? Math.floor(nodes / 2) + 1 : random.integer(1, nodes + 1)
  const q1 = Math.min(nodes, nodes - q2 + 1 + (random.chance(0.2) ? 1 : 0))
  const options: SimOptions = {
    seed,
    isBeyond: false,
    nodes,
    q1,
    q2,
    leaseMs: random.chance(0.35) ? random.integer(200, 1500) : 0,
    durationMs,
    hasLivenessPhase: random.chance(0.5),
    network: expandNetwork(random, some),
    process: {
      crashBeforeCommit: some(0.3, 0, 0.004),
      crashAfterCommit: some(0.3, 0, 0.004),
      crashBeforeSend: some(0.3, 0, 0.002),
      crashAfterSend: some(0.3, 0, 0.002),
      crashEveryMs: some(0.5, 1000, 15_000),
      downForMs: 100 + random.next() * 4000,
      pauseEveryMs: some(0.4, 2000, 15_000),
      pauseForMs: 10 + random.next() * 3000,
      slow: some(0.2, 0.1, 0.5),
      slowMs: random.next() * 30,
      stopEveryMs: some(0.3, 2000, 15_000),
      ambushEveryMs: some(0.4, 1500, 10_000),
      ambushes: ambushKinds.filter(() => random.chance(0.5)),
      ambushElected: some(0.2, 0.05, 0.3),
    },
    disk: {
      meanCommitMs: 0.2 + random.next() * 5,
      delayed: some(0.3, 0, 0.02),
      delayMs: random.next() * 800,
      failed: some(0.2, 0, 0.0005),
      refused: 0,
      corruptVote: some(0.3, 0.1, 0.6),
      keepUnsynced: random.chance(0.3) ? 0 : random.next(),
      stateLost: some(0.2, 0.05, 0.3),
      fullEveryMs: some(0.15, 4000, 20_000),
      fullForMs: 200 + random.next() * 3000,
    },
    clock: {
      drift: some(0.6, 0, clockDriftMax),
      isExtreme: false,
      wallJumpEveryMs: some(0.3, 1000, 10_000),
      wallJumpMs: random.next() * 3_600_000,
      suspendEveryMs: some(0.3, 3000, 15_000),
      suspendForMs: random.next() * 3000,
    },
    workload: {
      clients: random.integer(1, 9),
      keys: random.integer(1, 12),
      meanThinkMs: 10 + random.next() * 400,
      timeoutMs: random.integer(300, 5000),
      settled: some(0.5, 0, 1),
      apart: some(0.3, 0, 1),
      alert: random.next(),
      sessions: random.next(),
      tries: random.chance(0.5) ? 8 : random.integer(1, 4),
      reads: random.next() * 0.7,
      staleReads: some(0.3, 0, 0.3),
      transactions: some(0.6, 0, 0.4),
      deletes: random.next() * 0.3,
      compactions: some(0.3, 0, 0.02),
    },
    limits: {
      pipelineSlotsMax: random.integer(1, 17),
      batchRequestsMax: random.integer(1, 65),
      logSlotsKeptMax: random.chance(0.5) ? random.integer(5, 60) : 10_000,
      logBytesKeptMax: random.chance(0.2) ? random.integer(2000, 20_000) : 128 * 1024 * 1024,
      openSlotsMax: random.chance(0.3) ? random.integer(2, 40) : 4096,
      stateFlushMs: random.integer(5, 300),
      snapshotChunkBytes: random.chance(0.5) ? random.integer(50, 600) : 1024 * 1024,
      messageBytesMax: random.chance(0.3) ? random.integer(100, 2000) : 1024 * 1024,
      heartbeatMs: 100,
      electionTimeoutMs: 500,
    },
    changes: { everyMs: 0, spares: 0 },
    operator: noOperator,
    recovery: noRecovery,
    restore: noRestore,
    audit: noAudit,
  }
  const drawn = themes
    .filter(({ nodesMin }) => nodesWanted === undefined || nodesWanted >= nodesMin)
    .reduce((drawn, { chance, apply }) => (random.chance(chance) ? apply(random, drawn) : drawn), options)
  return withAudit(withRestore(withRecovery(withOperator(withChanges(drawn)))))
}

/** Drawn apart, too, and so that seeds that notice planted bugs stay at level 1. Only a change of epoch raises the level. */
function withAudit(options: SimOptions): SimOptions {
  const random = new Random(options.seed ^ 0x02f5)
  if (!random.chance(0.3)) return options
  const origins = random.chance(0.5) ? 1 : random.next()
  const rises = random.chance(0.5) && options.changes.everyMs > 0
  return { ...options, audit: { featureLevel: rises ? 1 : auditLevel, risesTo: auditLevel, origins } }
}

function withRestore(options: SimOptions): SimOptions {
  const random = new Random(options.seed ^ 0xbac0)
  if (!random.chance(0.1)) return options
  const atMs = options.durationMs * (0.1 + 0.8 * random.next())
  return { ...options, restore: { atMs, nodes: random.integer(1, 6), forMs: 1000 + 7000 * random.next() } }
}

/** Drawn apart, as the operator is. */
function withRecovery(options: SimOptions): SimOptions {
  const random = new Random(options.seed ^ 0xdead)
  if (!random.chance(0.15)) return options
  const atMs = options.durationMs * (0.1 + 0.6 * random.next())
  const apartMs = random.chance(0.6) ? random.next() * 3000 : 0
  const aloneMs = random.chance(0.5) ? random.next() * 3000 : 0
  const [deaths, interrupted, returns] = [0.3 + 0.5 * random.next(), random.chance(0.5) ? 0.5 : 0, 0.5]
  return { ...options, recovery: { atMs, deaths, apartMs, aloneMs, interrupted, returns } }
}

const noOperator: OperatorOptions = { handOverEveryMs: 0, takeOverEveryMs: 0 }

export const noAudit: AuditOptions = { featureLevel: 1, risesTo: 1, origins: 0 }

export const noRestore: RestoreOptions = { atMs: 0, nodes: 0, forMs: 0 }

export const noRecovery: RecoveryOptions = {
  ...{ atMs: 0, deaths: 0, apartMs: 0, aloneMs: 0 },
  ...{ interrupted: 0, returns: 0 },
}

/** Drawn apart, so that the other seeds stay what they were. */
function withOperator(options: SimOptions): SimOptions {
  const random = new Random(options.seed ^ 0x0be7)
  if (!random.chance(0.25)) return options
  const handOverEveryMs = 500 + random.next() * 6000
  return { ...options, operator: { handOverEveryMs, takeOverEveryMs: random.chance(0.5) ? 2 * handOverEveryMs : 0 } }
}

/** Some seeds change epochs. They damage no disk: an entry may have one whole copy only, on whatever node. */
function withChanges(options: SimOptions): SimOptions {
  const random = new Random(options.seed ^ 0xe90c)
  if (!random.chance(0.35)) return options
  return {
    ...options,
    disk: { ...options.disk, corruptVote: 0, stateLost: 0 },
    changes: { everyMs: 500 + random.next() * 6000, spares: random.integer(0, 5) },
  }
}

/**
 * The same seed with more than any protocol survives: votes damaged on every node, promises and machines lost, clocks far
 * out of bounds. Leases are off, because they are only as good as the clocks.
 */
export function expandBeyond(seed: number, durationMs?: number, nodesWanted?: number): SimOptions {
  const options = expandSeed(seed, durationMs, nodesWanted)
  const random = new Random(seed ^ 0xbe407d)
  return {
    ...options,
    isBeyond: true,
    leaseMs: 0,
    hasLivenessPhase: false,
    changes: { everyMs: 0, spares: 0 },
    recovery: noRecovery,
    restore: noRestore,
    process: { ...options.process, crashEveryMs: 500 + random.next() * 4000, downForMs: 100 + random.next() * 1000 },
    disk: {
      ...options.disk,
      corruptVote: random.next(),
      refused: random.chance(0.5) ? random.next() * 0.2 : 0,
      stateLost: random.chance(0.5) ? random.next() * 0.5 : 0,
    },
    clock: { ...options.clock, drift: random.next() * 0.6 },
  }
}

function expandNetwork(random: Random, some: (chance: number, low: number, high: number) => number): NetworkOptions {
  return {
    loss: some(0.5, 0, 0.3),
    duplicate: some(0.4, 0, 0.5),
    meanDelayMs: random.chance(0.7) ? 0.1 + random.next() * 5 : 5 + random.next() * 30,
    tail: some(0.4, 0, 0.05),
    tailMs: random.next() * 3000,
    partitionEveryMs: some(0.6, 1500, 12_000),
    partitionForMs: 200 + random.next() * 6000,
    flap: some(0.3, 0.1, 0.6),
    clogEveryMs: some(0.4, 1000, 8000),
    clogForMs: 50 + random.next() * 2500,
  }
}

/** Without any fault: for measuring, and for tests of the simulator itself. */
export function calmOptions(seed: number, nodes: number, durationMs: number): SimOptions {
  const options = expandSeed(seed, durationMs)
  const majority = Math.floor(nodes / 2) + 1
  const zero = <T extends object>(of: T, keep: readonly (keyof T)[]): T =>
    Object.fromEntries(
      Object.entries(of).map(([key, value]) => [key, keep.includes(key as keyof T) ? value : 0]),
    ) as unknown as T
  return {
    ...options,
    nodes,
    q1: majority,
    q2: majority,
    network: { ...zero(options.network, []), meanDelayMs: 1 },
    process: { ...zero(options.process, []), ambushes: [] },
    disk: { ...zero(options.disk, []), meanCommitMs: 1 },
    clock: { ...zero(options.clock, []), isExtreme: false },
    changes: { everyMs: 0, spares: 0 },
    operator: noOperator,
    recovery: noRecovery,
    restore: noRestore,
    audit: noAudit,
  }
}

/** For the cluster that is restored in a run of `options`. */
export function restoredOptions(options: SimOptions): SimOptions {
  const { nodes, forMs } = options.restore
  const majority = Math.floor(nodes / 2) + 1
  return {
    ...{ ...options, seed: options.seed + 500_009, nodes, q1: nodes - majority + 1, q2: majority, durationMs: forMs },
    ...{ recovery: noRecovery, restore: noRestore },
  }
}
