export interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly name: string
  readonly help: string
  readonly labels?: readonly string[]
  readonly buckets?: readonly number[]
}

const seconds = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const sizes = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096]

/** Every metric of our own. docs/METRICS.md is made from it, and the metrics are registered from it. */
export const metrics = {
  info: {
    type: 'gauge',
    name: 'paxos_info',
    help: 'Always 1; the labels say which node this is.',
    labels: ['node', 'version', 'cluster'],
  },
  ready: { type: 'gauge', name: 'paxos_ready', help: '1 while this node serves reads and writes, as /readyz.' },
  leader: { type: 'gauge', name: 'paxos_is_leader', help: '1 while this node leads and has finished phase 1.' },
  leaderKnown: { type: 'gauge', name: 'paxos_has_leader', help: '1 while this node knows a leader.' },
  epoch: { type: 'gauge', name: 'paxos_epoch', help: 'The newest epoch that this node knows.' },
  ballot: { type: 'gauge', name: 'paxos_ballot_round', help: 'Round of the ballot this node follows.' },
  promised: {
    type: 'gauge',
    name: 'paxos_promised_round',
    help: 'Round of the highest ballot this acceptor promised.',
  },
  elections: { type: 'counter', name: 'paxos_elections_total', help: 'Elections this node began.' },
  roleChanges: {
    type: 'counter',
    name: 'paxos_role_changes_total',
    help: 'Changes of role or leader seen by this node.',
  },
  proposals: { type: 'counter', name: 'paxos_proposals_total', help: 'Slots proposed by this node as leader.' },
  proposedRequests: {
    type: 'counter',
    name: 'paxos_proposed_requests_total',
    help: 'Requests in the slots this node proposed.',
  },
  proposedBytes: {
    type: 'counter',
    name: 'paxos_proposed_bytes_total',
    help: 'Payload bytes in the slots this node proposed.',
  },
  batchRequests: {
    type: 'histogram',
    name: 'paxos_batch_requests',
    help: 'Requests in one proposed slot.',
    buckets: sizes,
  },
  commits: {
    type: 'histogram',
    name: 'paxos_commit_duration_seconds',
    help: 'One durable commit of acceptor state, with its flush.',
    buckets: seconds,
  },
  commitWrites: {
    type: 'counter',
    name: 'paxos_commit_writes_total',
    help: 'Promises, votes and watermarks in those commits.',
  },
  stateCommits: {
    type: 'histogram',
    name: 'paxos_state_commit_duration_seconds',
    help: 'One durable commit of machine state.',
    buckets: seconds,
  },
  stateChanges: { type: 'counter', name: 'paxos_state_changes_total', help: 'Keys changed by those commits.' },
  appliedSlots: { type: 'counter', name: 'paxos_applied_slots_total', help: 'Slots applied since this node started.' },
  appliedRequests: {
    type: 'counter',
    name: 'paxos_applied_requests_total',
    help: 'Requests applied since this node started.',
  },
  requests: {
    type: 'counter',
    name: 'paxos_requests_total',
    help: 'Writes that entered here, by outcome: replied, failed.',
    labels: ['outcome'],
  },
  requestDuration: {
    type: 'histogram',
    name: 'paxos_request_duration_seconds',
    help: 'Writes that entered here, from arrival to reply.',
    buckets: seconds,
  },
  reads: {
    type: 'counter',
    name: 'paxos_reads_total',
    help: 'Reads served here, by kind (readIndex, lease, stale) and outcome.',
    labels: ['by', 'outcome'],
  },
  readDuration: {
    type: 'histogram',
    name: 'paxos_read_duration_seconds',
    help: 'Reads served here, from arrival to answer.',
    buckets: seconds,
  },
  slow: {
    type: 'counter',
    name: 'paxos_slow_operations_total',
    help: 'Requests over slowOperationMs, by cause: queue, commit, network, loop.',
    labels: ['cause'],
  },
  queuedRequests: {
    type: 'gauge',
    name: 'paxos_queued_requests',
    help: 'Requests that wait to be proposed or forwarded.',
  },
  queuedReads: { type: 'gauge', name: 'paxos_queued_reads', help: 'Reads that wait for a read index or for applying.' },
  sessions: { type: 'gauge', name: 'paxos_sessions', help: 'Open client sessions in the replicated state.' },
  clientConnections: { type: 'gauge', name: 'paxos_client_connections', help: 'Open client connections.' },
  chosen: { type: 'gauge', name: 'paxos_chosen_slot', help: 'Every slot below is known chosen here.' },
  applied: { type: 'gauge', name: 'paxos_applied_slot', help: 'Every slot below is applied here.' },
  durable: {
    type: 'gauge',
    name: 'paxos_durable_slot',
    help: 'Every slot below is applied and durable in the state database.',
  },
  truncated: { type: 'gauge', name: 'paxos_truncated_slot', help: 'Every slot below is no longer in the log.' },
  gaps: {
    type: 'gauge',
    name: 'paxos_gap_slots',
    help: 'Slots below the highest vote here that are not known chosen, those in flight included.',
  },
  openSlots: { type: 'gauge', name: 'paxos_open_slots', help: 'Slots this leader has in flight.' },
  logBytes: { type: 'gauge', name: 'paxos_log_bytes', help: 'Payload bytes of the log in memory.' },
  revision: { type: 'gauge', name: 'paxos_revision', help: 'Revision of the store on this node.' },
  compactedRevision: {
    type: 'gauge',
    name: 'paxos_compacted_revision',
    help: 'Reads below this revision are refused.',
  },
  verified: {
    type: 'gauge',
    name: 'paxos_verified_slot',
    help: 'A majority of the members was found to have applied the same up to here.',
  },
  divergence: {
    type: 'gauge',
    name: 'paxos_divergence',
    help: '1 while the data of the member are known to differ from those of others.',
    labels: ['member'],
  },
  divergences: {
    type: 'counter',
    name: 'paxos_divergences_total',
    help: 'Members found to have diverged since this node started.',
  },
  memberReachable: {
    type: 'gauge',
    name: 'paxos_member_reachable',
    help: '1 if the member answered the last election round.',
    labels: ['member'],
  },
  memberLag: {
    type: 'gauge',
    name: 'paxos_member_lag_slots',
    help: 'Chosen slots that the member does not know yet, as far as this node knows.',
    labels: ['member'],
  },
  peerConnected: {
    type: 'gauge',
    name: 'paxos_peer_connected',
    help: '1 while the connection to the member is open.',
    labels: ['member'],
  },
  peerQueue: {
    type: 'gauge',
    name: 'paxos_peer_queue_bytes',
    help: 'Bytes that wait to be sent to the member.',
    labels: ['member'],
  },
  peerDropped: {
    type: 'counter',
    name: 'paxos_peer_dropped_messages_total',
    help: 'Messages dropped because the queue to the member was full or closed.',
    labels: ['member'],
  },
  snapshotBytes: { type: 'counter', name: 'paxos_snapshot_sent_bytes_total', help: 'Bytes of state snapshots sent.' },
  snapshotsInstalled: { type: 'counter', name: 'paxos_snapshots_installed_total', help: 'State snapshots installed.' },
  storeSize: {
    type: 'gauge',
    name: 'paxos_store_size_bytes',
    help: 'Size of an LMDB file, by store: acceptor, state.',
    labels: ['store'],
  },
  stateUsed: {
    type: 'gauge',
    name: 'paxos_state_used_bytes',
    help: 'Used in the state database, without what is free inside its file.',
  },
  stateQuota: {
    type: 'gauge',
    name: 'paxos_state_quota_bytes',
    help: 'The quota of that, `stateBytesMax`; 0 is none.',
  },
  refusingWrites: {
    type: 'gauge',
    name: 'paxos_refusing_writes',
    help: '1 while writes are refused for want of room, by why: disk, quota.',
    labels: ['why'],
  },
  diskFree: { type: 'gauge', name: 'paxos_disk_free_bytes', help: 'Free space where the data directory lies.' },
  backupAge: {
    type: 'gauge',
    name: 'paxos_backup_age_seconds',
    help: 'Age of the newest backup in backupDir; not there while there is none.',
  },
  backupFailures: {
    type: 'counter',
    name: 'paxos_backup_failures_total',
    help: 'Backups into backupDir that could not be made.',
  },
  loopLag: {
    type: 'gauge',
    name: 'paxos_event_loop_lag_seconds',
    help: 'Delay of the event loop since the last scrape, by quantile: 0.5, 0.99, 1.',
    labels: ['quantile'],
  },
} as const satisfies Record<string, MetricDefinition>

export type MetricName = keyof typeof metrics

/** docs/METRICS.md. A test keeps the file equal to this. */
export function metricsDocument(): string {
  const rows = Object.values<MetricDefinition>(metrics).map(
    ({ name, type, labels = [], help }) => `| \`${name}\` | ${type} | ${labels.join(', ')} | ${help} |`,
  )
  return [
    '# Metrics',
    '',
    'Prometheus text at `/metrics` on the client port and on the unix socket. Slots are watermarks: everything below holds.',
    'The usual `process_*` and `nodejs_*` metrics of prom-client are there as well.',
    '',
    '| Metric | Type | Labels | Meaning |',
    '|---|---|---|---|',
    ...rows,
    '',
    'Worth an alert: `paxos_divergence > 0`, `paxos_has_leader == 0`, `paxos_ready == 0`, `paxos_member_lag_slots` that keeps rising,',
    '`rate(paxos_elections_total[5m]) > 0` in steady state, a 99th percentile of `paxos_commit_duration_seconds` over 50 ms,',
    '`paxos_event_loop_lag_seconds{quantile="0.99"} > 0.1`, `paxos_disk_free_bytes` that nears `freeSpaceMinBytes`,',
    '`paxos_state_used_bytes > 0.8 * paxos_state_quota_bytes > 0`, `paxos_refusing_writes > 0`,',
    '`paxos_backup_age_seconds` over two intervals of `backupEvery`, or absent.',
    '',
    'Generated by `npm run generate` from `src/daemon/metrics-table.ts`.',
    '',
  ].join('\n')
}
