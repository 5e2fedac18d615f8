import { Random } from '../base/random.ts'

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
  /** Share of clients with a session, which retry. */
  readonly sessions: number
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
  readonly openSlotsMax: number
  readonly stateFlushMs: number
  readonly snapshotChunkBytes: number
  readonly messageBytesMax: number
}

/** What the protocols promise to survive: leases only within this drift. */
export const clockDriftMax = 0.05

/** Draws every probability anew, zero included, so that seeds differ in kind (swarm testing, reliability 1a). */
export function expandSeed(seed: number, durationMs = 30_000): SimOptions {
  const random = new Random(seed ^ 0x5eed)
  const some = (chance: number, low: number, high: number): number =>
    random.chance(chance) ? low + random.next() * (high - low) : 0
  const nodes = random.integer(1, 8)
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
      sessions: random.next(),
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
      openSlotsMax: random.chance(0.3) ? random.integer(2, 40) : 4096,
      stateFlushMs: random.integer(5, 300),
      snapshotChunkBytes: random.chance(0.5) ? random.integer(50, 600) : 1024 * 1024,
      messageBytesMax: random.chance(0.3) ? random.integer(100, 2000) : 1024 * 1024,
    },
  }
  return random.chance(0.3) ? inStorm(random, options) : options
}

/** Leaders fall one after another in the middle of their proposals: what is left behind in open slots matters most then. */
function inStorm(random: Random, options: SimOptions): SimOptions {
  const { network, process, workload } = options
  return {
    ...options,
    network: {
      ...network,
      loss: random.next() * 0.3,
      meanDelayMs: 1 + random.next() * 20,
      partitionEveryMs: 300 + random.next() * 1500,
      partitionForMs: 100 + random.next() * 800,
    },
    process: {
      ...process,
      crashAfterSend: random.next() * 0.005,
      crashEveryMs: random.chance(0.5) ? 300 + random.next() * 2000 : process.crashEveryMs,
      downForMs: 100 + random.next() * 600,
    },
    workload: { ...workload, clients: random.integer(3, 9), meanThinkMs: 5 + random.next() * 50 },
  }
}

/**
 * The same seed with more than any protocol survives: votes damaged on every node, promises and machines lost, clocks far
 * out of bounds. Leases are off, because they are only as good as the clocks.
 */
export function expandBeyond(seed: number, durationMs?: number): SimOptions {
  const options = expandSeed(seed, durationMs)
  const random = new Random(seed ^ 0xbe407d)
  return {
    ...options,
    isBeyond: true,
    leaseMs: 0,
    hasLivenessPhase: false,
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
    process: zero(options.process, []),
    disk: { ...zero(options.disk, []), meanCommitMs: 1 },
    clock: zero(options.clock, []),
  }
}
