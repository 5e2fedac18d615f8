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

export function replicaOptions({ historyRevisionsMax, verifyEveryMs, limits }: NodeConfig): ReplicaOptions {
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
    verifyEveryMs,
  }
}

export function apiLimits({ limits }: NodeConfig): ApiLimits {
  const { clientConnectionsMax: connectionsMax, streamRequestsMax } = limits
  return { ...defaultApiLimits, connectionsMax, streamRequestsMax }
}
