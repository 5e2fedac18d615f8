/** Times and limits of a replica's runtime. Every one has its line in docs/LIMITS.md. */
export interface ReplicaOptions {
  /** Bytes of requests in one batch. A single larger request still goes, alone. */
  readonly batchBytesMax: number
  readonly batchRequestsMax: number
  /** Requests that wait to be proposed or forwarded. Excess is refused. */
  readonly queueRequestsMax: number
  readonly queueBytesMax: number
  /** Reads that wait. Excess is refused. */
  readonly queueReadsMax: number
  /** Machine state is made durable when this much changed, or after this time. */
  readonly stateFlushBytes: number
  readonly stateFlushMs: number
  readonly snapshotChunkBytes: number
  /** Revisions of history kept by the automatic compaction; 0 = keep until `compact`. */
  readonly historyRevisionsMax: number
  /** A forwarded request or snapshot chunk that is not answered for this long is sent again. */
  readonly resendMs: number
  /** A follower that lags by more than this is not ready. */
  readonly readyLagSlotsMax: number
  /** Time between two comparisons of the members' hash chains; 0 = never. */
  readonly verifyEveryMs: number
}

export const defaultReplicaOptions: ReplicaOptions = {
  batchBytesMax: 512 * 1024,
  batchRequestsMax: 4096,
  queueRequestsMax: 65_536,
  queueBytesMax: 64 * 1024 * 1024,
  queueReadsMax: 65_536,
  stateFlushBytes: 4 * 1024 * 1024,
  stateFlushMs: 1000,
  snapshotChunkBytes: 1024 * 1024,
  historyRevisionsMax: 1_000_000,
  resendMs: 1000,
  readyLagSlotsMax: 100,
  verifyEveryMs: 10_000,
}
