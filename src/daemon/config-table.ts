import { memberNamePattern, memberNameWanted, membersMax } from '../base/member-bounds.ts'
import { type LogLevel, logLevels } from '../wire/api-types.ts'
import {
  address,
  bytes,
  bytesOrOff,
  custom,
  duration,
  oneOf,
  optional,
  parseAddress,
  type Settings,
  text,
  whole,
  wholeOrOff,
  yesOrNo,
} from './config-setting.ts'

export interface BootstrapMember {
  readonly name: string
  /** `host:port` of its peer listener. */
  readonly peerAddress: string
}

/** Everything that decides how a node runs. Units are in the names, or said of those that are typed with one. */
export interface NodeConfig {
  readonly name: string
  readonly dataDir: string
  readonly listenClient: string
  readonly listenPeer: string
  readonly advertiseClient: string | undefined
  readonly advertisePeer: string | undefined
  readonly bootstrapMembers: readonly BootstrapMember[]
  readonly clusterToken: string
  /** Client addresses of nodes of the cluster to get into; empty for a node that begins one. */
  readonly join: readonly string[]
  readonly q1: number | undefined
  readonly q2: number | undefined
  readonly leaseMs: number
  readonly insecure: boolean
  readonly logLevel: LogLevel
  readonly logFormat: 'auto' | 'json' | 'pretty'
  readonly slowOperationMs: number
  readonly heartbeatMs: number
  readonly electionTimeoutMs: number
  readonly tickMs: number
  readonly historyRevisionsMax: number
  readonly backupDir: string | undefined
  /** Milliseconds. */
  readonly backupEvery: number
  readonly backupKeep: number
  readonly backupFullEvery: number
  readonly verifyEveryMs: number
  readonly auditWrites: boolean
  readonly limits: NodeLimits
}

/** Every queue, batch, frame and window has its bound here, and its line in docs/LIMITS.md. */
export interface NodeLimits {
  readonly requestBytesMax: number
  readonly valueBytesMax: number
  readonly keyBytesMax: number
  readonly txnOperationsMax: number
  readonly pipelineSlotsMax: number
  readonly batchBytesMax: number
  readonly batchRequestsMax: number
  readonly queueRequestsMax: number
  readonly queueBytesMax: number
  readonly logSlotsKeptMax: number
  readonly logBytesKeptMax: number
  readonly backupLogBytesMax: number
  readonly peerQueueBytesMax: number
  readonly snapshotChunkBytes: number
  readonly stateFlushMs: number
  readonly stateFlushBytes: number
  readonly commitDeadlineMs: number
  readonly clientConnectionsMax: number
  readonly streamRequestsMax: number
  readonly freeSpaceMinBytes: number
  readonly stateBytesMax: number
}

const kib = 1024
const mib = 1024 * kib
const gib = 1024 * mib

export const nodeSettings: Settings<Omit<NodeConfig, 'limits'>> = {
  name: text(
    { doc: 'Name of this node; one of the bootstrap members.', required: true, example: 'n1' },
    'name',
    memberNameWanted,
    memberNamePattern,
  ),
  dataDir: text(
    {
      doc: 'Directory with everything this node must not forget. In a file, relative to that file.',
      required: true,
      example: '/var/lib/paxos/n1',
    },
    'dir',
    'the path of a directory',
    /^[^\0]+$/,
  ),
  listenClient: address({ doc: 'Where clients connect: HTTP and the client stream.', fallback: '127.0.0.1:7601' }),
  listenPeer: address({ doc: 'Where the other members connect.', fallback: '127.0.0.1:7701' }),
  advertiseClient: optional(
    address({
      doc: 'The client address to tell others; needed when it listens on every interface.',
      example: 'n1:7601',
    }),
  ),
  advertisePeer: optional(
    address({
      doc: "Must equal this node's own entry in bootstrapMembers; for checking a template.",
      example: 'n1:7701',
    }),
  ),
  bootstrapMembers: custom(
    {
      doc: 'All members with their peer addresses, the same on every node: they are part of the identity of the cluster.',
      required: true,
      unless: { key: 'join', without: [] },
      example: 'n1=10.0.0.1:7701,n2=10.0.0.2:7701,n3=10.0.0.3:7701',
    },
    'n1=host:port,…',
    `1 to ${membersMax} members like n1=10.0.0.1:7701,n2=10.0.0.2:7701 with different names and addresses`,
    readMembers,
  ),
  clusterToken: text(
    {
      doc: 'A text that is the same on every node of this cluster and on no other. It keeps clusters apart; it is no password.',
      required: true,
      unless: { key: 'join', without: '' },
      example: 'orders-production-2026',
      secret: true,
    },
    'token',
    '4 to 128 printable characters without spaces',
    /^[!-~]{4,128}$/,
  ),
  join: custom(
    {
      doc: 'Client addresses of a running cluster that is to let this node in, instead of bootstrapMembers and clusterToken; see `paxos member add`.',
      fallback: [],
      example: '10.0.0.1:7601,10.0.0.2:7601',
    },
    'host:port,…',
    `1 to ${membersMax} addresses like 10.0.0.1:7601,10.0.0.2:7601`,
    readAddresses,
  ),
  q1: optional(whole({ doc: 'Promises needed to lead. Without it, a majority.', example: '2' }, 1, membersMax)),
  q2: optional(
    whole(
      { doc: 'Votes needed to choose; q1 + q2 must exceed the members. Without it, a majority.', example: '2' },
      1,
      membersMax,
    ),
  ),
  leaseMs: wholeOrOff(
    {
      doc: 'Length of the leader lease that lets reads skip a round trip; 0 is off. It trusts clocks to run at nearly the same rate.',
      fallback: 0,
    },
    100,
    10_000,
  ),
  insecure: yesOrNo({
    doc: 'Allow listeners off loopback although there is neither encryption nor authentication.',
    fallback: false,
  }),
  logLevel: oneOf<LogLevel>(
    { doc: 'Least severe log lines to write; can be changed while running.', fallback: 'info' },
    logLevels,
  ),
  logFormat: oneOf<NodeConfig['logFormat']>(
    { doc: 'How log lines look on stderr; auto is pretty on a terminal and JSON elsewhere.', fallback: 'auto' },
    ['auto', 'json', 'pretty'],
  ),
  slowOperationMs: wholeOrOff(
    { doc: 'Log requests slower than this, with the cause; 0 is off.', fallback: 100 },
    1,
    600_000,
  ),
  heartbeatMs: whole(
    { doc: 'Time between heartbeats; at least twice the longest round trip.', fallback: 100 },
    10,
    10_000,
  ),
  electionTimeoutMs: whole(
    { doc: 'Silence after which a member stops trusting the leader; at least three heartbeats.', fallback: 500 },
    50,
    60_000,
  ),
  tickMs: whole({ doc: 'How often timers are looked at; at most one heartbeat.', fallback: 20 }, 1, 1000),
  historyRevisionsMax: wholeOrOff(
    {
      doc: 'Revisions that stay readable; the leader compacts what is older. 0 keeps all until compacted by hand.',
      fallback: 1_000_000,
    },
    1000,
    1_000_000_000,
  ),
  backupDir: optional(
    text(
      {
        doc: 'Directory for backups that this node makes by itself; best on another disk. In a file, relative to that file.',
        example: '/backup/orders',
      },
      'dir',
      'the path of a directory',
      /^[^\0]+$/,
    ),
  ),
  backupEvery: duration({ doc: 'Time between those backups.', fallback: 3_600_000 }, 1000, 20 * 86_400_000),
  backupKeep: whole(
    {
      doc: 'How many of them are kept; then the oldest is removed, unless one that is kept goes on from it.',
      fallback: 24,
    },
    1,
    100_000,
  ),
  backupFullEvery: whole(
    { doc: 'Every so many of them is a full one; the others hold only what is new since the one before.', fallback: 1 },
    1,
    100_000,
  ),
  verifyEveryMs: wholeOrOff(
    {
      doc: 'Time between two comparisons of what the members have applied; 0 is off. One that differs from the majority is reported and no longer ready.',
      fallback: 10_000,
    },
    100,
    86_400_000,
  ),
  auditWrites: yesOrNo({
    doc: 'Writes that this node takes go into the audit trail, with whom the client claims to be. The same on every node, or some are missing.',
    fallback: false,
  }),
}

export const limitSettings: Settings<NodeLimits> = {
  requestBytesMax: bytes({ doc: 'One request.', fallback: 1.5 * mib, excess: 'refused, TOO_LARGE' }, kib, 3 * mib),
  valueBytesMax: bytes({ doc: 'One value.', fallback: mib, excess: 'refused, TOO_LARGE' }, 1, 3 * mib),
  keyBytesMax: whole({ doc: 'One key, in bytes.', fallback: 1024, excess: 'refused, TOO_LARGE' }, 1, 1024),
  txnOperationsMax: whole(
    { doc: 'Compares, or operations of one branch, in a transaction.', fallback: 128, excess: 'refused, TOO_LARGE' },
    1,
    1024,
  ),
  pipelineSlotsMax: whole({ doc: 'Slots that a leader has open at once.', fallback: 8, excess: 'delayed' }, 1, 1024),
  batchBytesMax: bytes(
    {
      doc: 'Requests in one slot; a single larger request gets a slot of its own.',
      fallback: 512 * kib,
      excess: 'delayed',
    },
    kib,
    3 * mib,
  ),
  batchRequestsMax: whole({ doc: 'Requests in one slot.', fallback: 4096, excess: 'delayed' }, 1, 65_536),
  queueRequestsMax: whole(
    {
      doc: 'Requests that wait in one node to be proposed or forwarded.',
      fallback: 65_536,
      excess: 'refused, OVERLOADED',
    },
    1,
    10_000_000,
  ),
  queueBytesMax: bytes(
    { doc: 'Bytes of requests that wait in one node.', fallback: 64 * mib, excess: 'refused, OVERLOADED' },
    4 * mib,
    16 * gib,
  ),
  logSlotsKeptMax: whole(
    {
      doc: 'Applied slots kept for members that lag; a member further behind gets a snapshot.',
      fallback: 100_000,
      excess: 'dropped',
    },
    16,
    100_000_000,
  ),
  logBytesKeptMax: bytes(
    { doc: 'Bytes of applied slots kept for members that lag.', fallback: 128 * mib, excess: 'dropped' },
    mib,
    64 * gib,
  ),
  backupLogBytesMax: bytes(
    {
      doc: 'Bytes of older slots that stay on the disk, so that increments of backups can be made of them; 0 is none.',
      fallback: 0,
      excess: 'dropped (the next backup is a full one)',
    },
    0,
    16 * gib,
  ),
  peerQueueBytesMax: bytes(
    { doc: 'Messages that wait for one peer.', fallback: 16 * mib, excess: 'dropped (the protocol sends again)' },
    4 * mib,
    gib,
  ),
  snapshotChunkBytes: bytes(
    { doc: 'One chunk of a state snapshot.', fallback: mib, excess: 'split' },
    64 * kib,
    3 * mib,
  ),
  stateFlushMs: whole(
    {
      doc: 'Longest time that applied changes wait to be written to the state database.',
      fallback: 1000,
      excess: 'flushed',
    },
    1,
    60_000,
  ),
  stateFlushBytes: bytes(
    {
      doc: 'Applied changes that may wait to be written to the state database: more of them hold up the node for longer. Each member takes a share of its own above half of it, so that not all are held up at once.',
      fallback: 4 * mib,
      excess: 'flushed',
    },
    64 * kib,
    gib,
  ),
  commitDeadlineMs: whole(
    {
      doc: 'A commit that takes longer means a broken disk: the node stops.',
      fallback: 10_000,
      excess: 'the node stops',
    },
    100,
    600_000,
  ),
  clientConnectionsMax: whole({ doc: 'Open client connections.', fallback: 10_000, excess: 'refused' }, 1, 1_000_000),
  streamRequestsMax: whole(
    { doc: 'Unanswered requests of one client stream.', fallback: 4096, excess: 'delayed (the stream is not read)' },
    1,
    1_000_000,
  ),
  freeSpaceMinBytes: bytes(
    { doc: 'Free disk space below which a node refuses writes.', fallback: 64 * mib, excess: 'refused, NO_SPACE' },
    0,
    1024 * gib,
  ),
  stateBytesMax: bytesOrOff(
    {
      doc: 'Bytes of keys, history, sessions and audit trail as stored, from which on a node refuses writes: a quota. 0 is none, and 128MiB the least with auditWrites.',
      fallback: 0,
      excess: 'refused, NO_SPACE',
    },
    mib,
    16 * 1024 * gib,
  ),
}

/** `host:port,…`, or a list of such entries. */
function readAddresses(raw: unknown): readonly string[] | undefined {
  const entries: unknown = typeof raw === 'string' ? raw.split(',').map((entry) => entry.trim()) : raw
  if (!Array.isArray(entries) || entries.length < 1 || entries.length > membersMax) return undefined
  const isAddress = (entry: unknown): entry is string => typeof entry === 'string' && parseAddress(entry) !== undefined
  return entries.every(isAddress) ? entries : undefined
}

/** `n1=host:port,…`, a list of such entries, or a map of names to addresses. */
function readMembers(raw: unknown): readonly BootstrapMember[] | undefined {
  const entries = typeof raw === 'string' ? raw.split(',') : raw
  const pairs = Array.isArray(entries) ? entries.map(splitMember) : mapEntries(entries)
  if (pairs === undefined || pairs.length < 1 || pairs.length > membersMax) return undefined
  const members: BootstrapMember[] = []
  for (const pair of pairs) {
    const [name, peerAddress] = pair ?? []
    if (name === undefined || !memberNamePattern.test(name)) return undefined
    if (typeof peerAddress !== 'string' || parseAddress(peerAddress) === undefined) return undefined
    members.push({ name, peerAddress })
  }
  const distinct = (values: readonly string[]): boolean => new Set(values).size === values.length
  const names = members.map((member) => member.name)
  return distinct(names) && distinct(members.map((member) => member.peerAddress)) ? members : undefined
}

function splitMember(entry: unknown): readonly [string, unknown] | undefined {
  if (typeof entry !== 'string') return undefined
  const at = entry.indexOf('=')
  return at < 0 ? undefined : [entry.slice(0, at).trim(), entry.slice(at + 1).trim()]
}

function mapEntries(value: unknown): readonly (readonly [string, unknown])[] | undefined {
  return typeof value === 'object' && value !== null ? Object.entries(value) : undefined
}
