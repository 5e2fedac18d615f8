import type { NodeId } from '../protocol/ids.ts'
import { defaultMultiPaxosOptions, type MultiPaxosOptions } from '../protocol/multipaxos/options.ts'
import { defaultReplicaOptions, type ReplicaOptions } from '../runtime/options.ts'
import { type ApiLimits, defaultApiLimits } from './api/context.ts'
import type { NodeConfig } from './config-table.ts'

export function engineOptions({ heartbeatMs, electionTimeoutMs, limits }: NodeConfig): MultiPaxosOptions {
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

export function replicaOptions(
  self: NodeId,
  { historyRevisionsMax, verifyEveryMs, limits }: NodeConfig,
): ReplicaOptions {
  const { batchBytesMax, batchRequestsMax, queueRequestsMax, queueBytesMax } = limits
  const { stateFlushBytes, stateFlushMs, snapshotChunkBytes } = limits
  return {
    ...defaultReplicaOptions,
    batchBytesMax,
    batchRequestsMax,
    queueRequestsMax,
    queueBytesMax,
    stateFlushBytes: shareOf(self, stateFlushBytes),
    stateFlushMs,
    snapshotChunkBytes,
    historyRevisionsMax,
    verifyEveryMs,
  }
}

const goldenRatio = (Math.sqrt(5) - 1) / 2

/**
 * Members apply the same slots, so with the same threshold all of them would write their state back at the same moment, and
 * none would vote meanwhile. Each has its own, above half of the limit; those of neighbouring ids are far apart.
 */
function shareOf(self: NodeId, limit: number): number {
  return Math.round(limit * (1 - ((self * goldenRatio) % 1) / 2))
}

export function apiLimits({ limits }: NodeConfig): ApiLimits {
  const { clientConnectionsMax: connectionsMax, streamRequestsMax } = limits
  return { ...defaultApiLimits, connectionsMax, streamRequestsMax }
}
