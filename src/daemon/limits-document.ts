import * as machine from '../machine/bounds.ts'
import { defaultMultiPaxosOptions, type MultiPaxosOptions } from '../protocol/multipaxos/options.ts'
import { defaultReplicaOptions, type ReplicaOptions } from '../runtime/options.ts'
import { type ApiLimits, defaultApiLimits } from './api/context.ts'
import { httpLimits } from './api/http-limits.ts'
import { environmentName } from './config.ts'
import { shown } from './config-document.ts'
import { formatBytes } from './config-setting.ts'
import { limitSettings, type NodeConfig, type NodeLimits } from './config-table.ts'
import { defaultPeerLimits, type PeerLimits } from './net/peer-limits.ts'
import { journalLimits } from './store/journal-limits.ts'

/** What a bound is of, and what becomes of the excess. */
type Words = readonly [doc: string, excess: string]

/** Keys that a setting of the same name decides have their line there. */
type Fixed<T> = Readonly<Record<Exclude<keyof T, keyof NodeLimits | keyof NodeConfig>, Words>>

const engine: Fixed<MultiPaxosOptions> = {
  resendMs: ['An accept or prepare without an answer; in a node twice `heartbeatMs`.', 'sent again'],
  catchupDelayMs: ['A follower misses chosen entries.', 'it asks for them'],
  messageBytesMax: ['Entries in one message to a member.', 'split'],
  openSlotsMax: ['Slots that an acceptor keeps above what is known chosen.', 'dropped (the leader sends again)'],
  openBytesMax: ['Bytes of those slots.', 'dropped (the leader sends again)'],
  clockDriftMax: ['Relative rate error of any clock that a lease allows for.', 'leases are not safe'],
}

const journal: Record<keyof typeof journalLimits, Words> = {
  journalBytes: [
    'Acceptor state that LMDB has not taken over, and the file for it.',
    'delayed; one larger commit goes past it',
  ],
  foldBytes: ['Of that, how much LMDB lets gather.', 'taken over at once'],
  foldMs: ['How long it does.', 'taken over'],
}

const replica: Fixed<ReplicaOptions> = {
  queueReadsMax: ['Reads that wait in one node.', 'refused, OVERLOADED'],
  resendMs: ['A forwarded request or snapshot chunk without an answer.', 'sent again'],
  readyLagSlotsMax: ['Slots that a follower lags and still says it is ready.', 'not ready'],
}

const links: Readonly<Record<Exclude<keyof PeerLimits, 'queueBytesMax'>, Words>> = {
  frameBytesMax: ['Payload of one frame.', 'dropped by the sender; from a peer, the connection is closed'],
  connectionsMax: ['Sockets on the peer port.', 'closed at once'],
  connectTimeoutMs: ['Until TCP is connected.', 'dialled again'],
  helloTimeoutMs: ['Until the upgrade is answered, and again until the hello has come.', 'the connection is closed'],
  frameTimeoutMs: ['From the first to the last byte of a frame.', 'the connection is closed'],
  silenceTimeoutMs: ['Without a sign of life on a dialled link.', 'dialled again'],
  idleTimeoutMs: ['Without a byte on an accepted link.', 'the connection is closed'],
  pingIntervalMs: ['Between pings.', 'a ping'],
  redialMinMs: ['Shortest pause before dialling again.', 'doubles'],
  redialMaxMs: ['Longest pause before dialling again.', 'stays'],
  decodeMsPerSecondMax: ['Decoding for one connection in each second.', 'delayed (the socket is not read)'],
  tickMs: ['How often these deadlines are looked at.', ''],
}

const api: Readonly<Record<Exclude<keyof ApiLimits, 'connectionsMax' | 'streamRequestsMax'>, Words>> = {
  streamFrameRequestsMax: ['Requests in one frame of a client stream.', 'the stream is closed'],
  streamUnreadBytesMax: ['Answers that the client of a stream has not read.', 'the stream is closed'],
  inFlightBytesMax: ['Bodies and frames being read or served, all connections together.', 'refused, OVERLOADED'],
  requestTimeoutMs: ['How long a request over HTTP may take.', 'OUTCOME_UNKNOWN or TIMEOUT'],
  inspectTimeoutMs: ['How long members may take to answer for a gap report.', 'reported as not answering'],
  gapSlotsMax: ['Slots that one gap report looks at.', 'reported as more'],
  spacePageRecords: ['Records that one page of `paxos space` counts.', 'reported as more'],
  spaceWalksMax: ['Such pages that are counted at once.', 'refused, OVERLOADED'],
  backupsMax: ['Backups that are read at once.', 'refused, OVERLOADED'],
  backupChunkBytes: ['One chunk of a backup; a single larger record gets a chunk of its own.', 'split'],
  followersMax: ['Clients that follow the log at once.', 'refused, OVERLOADED'],
  frameTimeoutMs: ['From the first to the last byte of a frame.', 'the connection is closed'],
}

const http: Readonly<Record<keyof typeof httpLimits, Words>> = {
  headerBytesMax: ['Headers of one request.', 'refused, HTTP 431'],
  headersMax: ['Their number.', 'refused, HTTP 431'],
  headersTimeoutMs: ['Until the headers have come.', 'refused, HTTP 408'],
  requestTimeoutMs: ['Until the whole request has come.', 'refused, HTTP 408'],
  connectionRequestsMax: ['Requests on one connection.', 'the last answer closes it'],
  restTimeoutMs: ['Between two requests on a connection.', 'it is closed'],
  plainRequestBytesMax: ['One request that is read without `node:http` (ADR 15).', 'read by `node:http`'],
  plainRequestsMax: ['Unanswered requests of a connection that is so read.', 'delayed (it is not read)'],
}

const replies: Readonly<Record<keyof typeof machine, Words>> = {
  keyBytesMax: ['One key, whatever is configured.', 'refused, TOO_LARGE'],
  rangeBoundBytesMax: ['A bound of a range.', 'refused, TOO_LARGE'],
  txnListMax: ['Compares, or operations of one branch, whatever is configured.', 'refused, TOO_LARGE'],
  answerBytesMax: ['Items in one answer.', 'reported as more'],
  itemOverheadBytes: ['Counted for each item beside its key and value.', ''],
  deletedKeysMax: ['Keys that one command may delete.', 'refused, TOO_LARGE'],
  deletedBytesMax: ['Bytes that one command may delete.', 'refused, TOO_LARGE'],
  sessionsMax: ['Open client sessions of a group.', 'refused, OVERLOADED'],
  sessionTtlMsMin: ['Shortest life of a session.', 'refused, BAD_REQUEST'],
  sessionTtlMsMax: ['Longest life of a session.', 'refused, BAD_REQUEST'],
  sessionWindow: ['Requests of a session whose replies the client has not acknowledged.', 'refused, OVERLOADED'],
  sessionReplyBytesMax: ['Bytes of those replies.', 'refused, OVERLOADED'],
  historyStepRecords: ['Old revisions that one slot removes, about.', 'delayed'],
  historyStepBytes: ['Bytes of them, about.', 'delayed'],
  garbageStepRecords: ['Leftovers that one slot removes.', 'delayed'],
  expiryStepSessions: ['Sessions that one slot lets expire.', 'delayed'],
  auditAdminBytesMax: ['Bytes of what the audit trail keeps of what operators did.', 'the oldest are forgotten'],
  auditWritesBytesMax: ['Bytes of what it keeps of audited writes.', 'the oldest are forgotten'],
  auditRangesMax: ['Keys and ranges that one record names.', 'counted, not named'],
  auditRangeBytesMax: ['Bytes of those, but for the first.', 'counted, not named'],
  auditScanRecords: ['Records that one question looks at.', 'reported as more'],
  auditAnswerMax: ['Records in one answer.', 'reported as more'],
  chainCheckpointSlots: ['Slots between two values of the hash chain that are kept.', ''],
  chainCheckpointsKept: ['Values of the hash chain that are kept.', 'the oldest is forgotten'],
}

/** docs/LIMITS.md. A test keeps the file equal to this. */
export function limitsDocument(): string {
  const settings = Object.entries(limitSettings).map(
    ([key, setting]) =>
      `| \`${key}\` | ${shown(setting, setting.fallback)} | ${setting.doc} | ${setting.excess ?? ''} | ${setting.wanted} |`,
  )
  return [
    '# Limits',
    '',
    'Every queue, batch, frame and window of a node has a named bound. Set these in the section `node.limits` of the',
    'configuration file, with `--set limits.NAME=VALUE`, or in the environment: `limits.keyBytesMax` is',
    `\`${environmentName('limits.keyBytesMax')}\`. What is *refused* was certainly not done; what is *delayed* waits its turn;`,
    'what is *dropped* is sent or fetched again.',
    '',
    '| Limit | Default | Bounds | Excess | Allowed |',
    '|---|---|---|---|---|',
    ...settings,
    '',
    'A log is cut in steps of 128 slots, so it may be longer than `logSlotsKeptMax` by as many.',
    '',
    '## Fixed',
    '',
    'These are not configuration.',
    ...section('Client port', api, defaultApiLimits),
    ...section('HTTP on the client port', http, httpLimits),
    ...section('Links between members', links, defaultPeerLimits),
    ...section('Journal of the acceptor (ADR 16)', journal, journalLimits),
    ...section('Replica', replica, defaultReplicaOptions),
    ...section('Multi-Paxos', engine, defaultMultiPaxosOptions),
    ...section('Machine: these decide replies, and are the same on every replica for ever', replies, machine),
    '',
    'Generated by `npm run generate`.',
    '',
  ].join('\n')
}

function section<K extends string>(
  title: string,
  words: Readonly<Record<K, Words>>,
  values: Readonly<Record<K, number>>,
): string[] {
  const rows = Object.entries<Words>(words).map(
    ([key, [doc, excess]]) => `| \`${key}\` | ${amount(key, values[key as K])} | ${doc} | ${excess} |`,
  )
  return ['', `### ${title}`, '', '| Bound | Value | Of | Excess |', '|---|---|---|---|', ...rows]
}

/** With its unit, which is in the name. */
function amount(key: string, value: number): string {
  if (/Bytes(Max)?$/.test(key)) return formatBytes(value)
  if (/Ms(Min|Max)?$/.test(key)) return `${value} ms`
  return String(value)
}
