import type { Random } from '../base/random.ts'
import { clockDriftMax } from './clock.ts'
import type { AmbushKind } from './fault-points.ts'
import type { ProcessOptions, SimOptions } from './options.ts'

/**
 * What a seed is mostly about. Evenly drawn faults seldom meet where one kind of mistake would show; a theme draws those
 * together that must meet. A seed may have several, or none.
 */
export interface Theme {
  readonly chance: number
  /** Smaller clusters are made as large as this. */
  readonly nodesMin: number
  readonly apply: (random: Random, options: SimOptions) => SimOptions
}

/** With fewer, whoever leads cannot be replaced while it is away. */
const nodesMin = 3

export const themes: readonly Theme[] = [
  { chance: 0.25, nodesMin: 1, apply: inStorm },
  { chance: 0.2, nodesMin, apply: readAtDeposedLeaders },
  { chance: 0.2, nodesMin, apply: leaseToTheEnd },
  { chance: 0.2, nodesMin, apply: truncateSoon },
  { chance: 0.12, nodesMin, apply: forgetVotes },
  { chance: 0.12, nodesMin, apply: promiseInParts },
  { chance: 0.12, nodesMin, apply: answerLate },
]

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

/** Enough nodes, and quorums that one node less can make: then whoever leads can be replaced while it is away. */
function replaceable(random: Random, options: SimOptions): SimOptions {
  const nodes = Math.max(nodesMin, options.nodes)
  if (nodes === options.nodes && options.q1 < nodes && options.q2 < nodes) return options
  const q1 = random.integer(2, nodes)
  return { ...options, nodes, q1, q2: nodes - q1 + 1 }
}

/** Some clients write through one node while others read at another, which may no longer be the leader. */
function readAtDeposedLeaders(random: Random, options: SimOptions): SimOptions {
  const { network, process, workload } = options
  return {
    ...replaceable(random, options),
    network: { ...network, loss: random.chance(0.5) ? 0 : network.loss },
    process: {
      ...ambushed(process, 1000 + random.next() * 1500, ['cutOff', 'sleep', 'clog']),
      ambushElected: random.chance(0.5) ? random.next() * 0.3 : 0,
    },
    workload: {
      ...workload,
      clients: random.integer(5, 9),
      keys: random.integer(1, 4),
      meanThinkMs: 20 + random.next() * 100,
      timeoutMs: random.integer(500, 2500),
      settled: 0.6 + random.next() * 0.4,
      apart: 0.6 + random.next() * 0.4,
      reads: 0.3 + random.next() * 0.6,
      staleReads: 0,
    },
  }
}

/** Leases that last about as long as it takes to notice a lost leader, on clocks as far apart as they may be. */
function leaseToTheEnd(random: Random, options: SimOptions): SimOptions {
  const { network, process, limits } = options
  const electionTimeoutMs = random.integer(250, 1000)
  return {
    ...replaceable(random, options),
    // It outlasts the time in which others find a lost leader, but not that in which the leader finds out itself.
    leaseMs: Math.round(electionTimeoutMs * (1 + random.next() * 0.9)),
    network: {
      ...network,
      loss: random.chance(0.6) ? 0 : network.loss,
      meanDelayMs: random.chance(0.6) ? 0.2 + random.next() * 3 : 3 + random.next() * 60,
      tail: random.chance(0.4) ? random.next() * 0.3 : network.tail,
      tailMs: 100 + random.next() * 4 * electionTimeoutMs,
    },
    process: {
      ...ambushed(process, 600 + random.next() * 1000, ['sleep', 'cutOff', 'cutOffAndRestart', 'clog']),
      stopEveryMs: random.chance(0.5) ? 1000 + random.next() * 4000 : 0,
    },
    clock: { ...options.clock, drift: clockDriftMax, isExtreme: true },
    limits: { ...limits, electionTimeoutMs, heartbeatMs: random.integer(15, 60) },
  }
}

/** The log is cut so soon that whoever was away needs a snapshot, in many small chunks. */
function truncateSoon(random: Random, options: SimOptions): SimOptions {
  const { network, process, workload, limits } = options
  return {
    ...replaceable(random, options),
    network: {
      ...network,
      partitionEveryMs: 1000 + random.next() * 4000,
      partitionForMs: 300 + random.next() * 3000,
      tail: random.chance(0.4) ? random.next() * 0.3 : network.tail,
    },
    process: {
      ...ambushed(process, 1000 + random.next() * 5000, ['crashLoop', 'clog', 'crash']),
      crashEveryMs: 1000 + random.next() * 4000,
    },
    disk: { ...options.disk, stateLost: random.chance(0.5) ? random.next() * 0.5 : 0 },
    workload: { ...workload, clients: random.integer(3, 9), meanThinkMs: 5 + random.next() * 60 },
    limits: {
      ...limits,
      batchRequestsMax: random.integer(1, 6),
      logSlotsKeptMax: random.integer(1, 30),
      logBytesKeptMax: random.chance(0.7) ? random.integer(500, 4000) : limits.logBytesKeptMax,
      stateFlushMs: random.integer(5, 100),
      snapshotChunkBytes: random.integer(30, 400),
    },
  }
}

/** The newest votes of one node cannot be read when it comes back, and the others that have them are not there. */
function forgetVotes(random: Random, options: SimOptions): SimOptions {
  const { network, process, disk } = options
  return {
    ...replaceable(random, options),
    network: { ...network, loss: 0.05 + random.next() * 0.25 },
    process: ambushed(process, 800 + random.next() * 2000, ['cutOffAndRestart', 'crash']),
    disk: { ...disk, corruptVote: 0.5 + random.next() * 0.5 },
  }
}

/** Many open slots and small messages, of which some are lost: promises come in parts, and are asked for again. */
function promiseInParts(random: Random, options: SimOptions): SimOptions {
  const { network, process, workload, limits } = options
  return {
    ...replaceable(random, options),
    network: { ...network, loss: 0.1 + random.next() * 0.2, meanDelayMs: 5 + random.next() * 40 },
    process: ambushed(process, 800 + random.next() * 2000, ['cutOff', 'crash', 'clog']),
    workload: { ...workload, clients: random.integer(6, 12), meanThinkMs: 5 + random.next() * 20 },
    limits: {
      ...limits,
      pipelineSlotsMax: random.integer(8, 17),
      batchRequestsMax: random.integer(1, 3),
      messageBytesMax: random.integer(100, 400),
    },
  }
}

/** Messages of earlier leaderships and incarnations arrive when nobody expects them any more. */
function answerLate(random: Random, options: SimOptions): SimOptions {
  const { network, process, disk, workload } = options
  return {
    ...replaceable(random, options),
    network: {
      ...network,
      loss: random.next() * 0.1,
      duplicate: random.next() * 0.3,
      tail: 0.05 + random.next() * 0.25,
      tailMs: 100 + random.next() * 2000,
      clogEveryMs: 500 + random.next() * 2000,
      clogForMs: 50 + random.next() * 1500,
    },
    process: {
      ...ambushed(process, 800 + random.next() * 2000, ['crashLoop', 'crash', 'cutOff']),
      crashBeforeCommit: random.next() * 0.004,
    },
    disk: { ...disk, keepUnsynced: random.chance(0.5) ? 0 : disk.keepUnsynced },
    workload: { ...workload, clients: random.integer(5, 9), settled: random.next(), apart: random.next(), alert: 1 },
  }
}

/** These ambushes beside those of other themes. */
function ambushed(process: ProcessOptions, everyMs: number, kinds: readonly AmbushKind[]): ProcessOptions {
  return { ...process, ambushEveryMs: everyMs, ambushes: [...new Set([...process.ambushes, ...kinds])] }
}
