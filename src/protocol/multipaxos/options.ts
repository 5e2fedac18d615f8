/** Times and limits of one engine. All times in milliseconds of the monotonic clock that `step` is given. */
export interface MultiPaxosOptions {
  /** How often a leader is heard when it has nothing to say. */
  readonly heartbeatMs: number
  /** Length of an election round. A dead leader is replaced within two to three of them. */
  readonly electionTimeoutMs: number
  /** An accept or prepare that is not answered for this long is sent again. */
  readonly resendMs: number
  /** A follower that misses chosen entries for this long asks for them. */
  readonly catchupDelayMs: number
  /** Slots that a leader keeps open at once; more proposals are refused until some close. */
  readonly pipelineSlotsMax: number
  /** Bytes of entries in one message. */
  readonly messageBytesMax: number
  /** What an acceptor keeps above its chosen prefix. */
  readonly openSlotsMax: number
  readonly openBytesMax: number
  /** Applied entries kept for members that lag; beyond it they get a snapshot. */
  readonly logSlotsKeptMax: number
  readonly logBytesKeptMax: number
  /** Bound on the relative rate error of any member's clock, for leases. */
  readonly clockDriftMax: number
}

export const defaultMultiPaxosOptions: MultiPaxosOptions = {
  heartbeatMs: 100,
  electionTimeoutMs: 500,
  resendMs: 200,
  catchupDelayMs: 50,
  pipelineSlotsMax: 8,
  messageBytesMax: 1024 * 1024,
  openSlotsMax: 4096,
  openBytesMax: 64 * 1024 * 1024,
  logSlotsKeptMax: 100_000,
  logBytesKeptMax: 128 * 1024 * 1024,
  clockDriftMax: 0.05,
}
