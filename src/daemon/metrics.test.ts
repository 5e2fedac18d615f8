import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { zeroBallot } from '../protocol/ballot.ts'
import { firstEpoch, firstGroup, firstSlot, toNodeId, toSlot } from '../protocol/ids.ts'
import type { ReplicaStatus } from '../runtime/replica-service.ts'
import { type MetricSources, Metrics } from './metrics.ts'
import { type MetricDefinition, metrics, metricsDocument } from './metrics-table.ts'

const members = ['n1', 'n2'].map((name, at) => ({
  id: toNodeId(at + 1),
  name,
  peerAddress: `127.0.0.1:${7701 + at}`,
  kind: 'acceptor' as const,
}))
const status: ReplicaStatus = {
  group: firstGroup,
  epoch: {
    number: firstEpoch,
    protocol: 'multi',
    members,
    q1: 2,
    q2: 1,
    leaseMs: 0,
    startSlot: firstSlot,
    featureLevel: 1,
    highestId: toNodeId(members.length),
  },
  isRemoved: false,
  truncatedUpTo: toSlot(10),
  self: toNodeId(1),
  engine: {
    role: 'leader',
    steady: true,
    leader: toNodeId(1),
    ballot: { ...zeroBallot(firstEpoch), round: 3 },
    promised: { ...zeroBallot(firstEpoch), round: 3 },
    chosenUpTo: toSlot(40),
    truncatedUpTo: toSlot(10),
    votedUpTo: toSlot(44),
    openSlots: 4,
    logBytes: 1000,
    elections: 2,
    stop: undefined,
    peers: [{ id: toNodeId(2), reachable: true, chosenUpTo: toSlot(35), durableUpTo: toSlot(30) }],
  },
  appliedUpTo: toSlot(40),
  durableUpTo: toSlot(38),
  revision: 77,
  compactedRevision: 5,
  sessions: 1,
  verifiedUpTo: toSlot(39),
  diverged: [{ node: toNodeId(2), first: { from: toSlot(30), to: toSlot(31) }, isMinority: true }],
  queuedRequests: 2,
  queuedReads: 3,
  notReady: undefined,
}

function create(of: ReplicaStatus | undefined): Metrics {
  const sources: MetricSources = {
    status: () => of,
    peers: () => [{ name: 'n2', connected: true, queuedBytes: 512, droppedMessages: 6 }],
    storeSizes: () => ({ acceptor: 4096, state: 8192 }),
    stateUsedBytes: () => 409_600,
    stateQuotaBytes: () => 1_000_000,
    refusing: () => 'quota',
    diskFreeBytes: () => 1e9,
    backups: () => ({ ageMs: 90_000, failures: 2, lastFailure: undefined }),
    clientConnections: () => 9,
  }
  return new Metrics({ node: 'n1', version: '0.1.0', clusterId: 'c' }, sources, () => {})
}

test('every metric of the table is exposed, and nothing else of our own', async () => {
  const subject = create(status)
  subject.requestDone({ queueMs: 1, chooseMs: 2, flushMs: 1, applyMs: 0 }, 'replied')
  subject.readDone(1, 'lease', true)
  subject.slowOperation('commit')
  const text = await subject.text()
  subject.stop()
  const exposed = [...text.matchAll(/^# TYPE (paxos_\w+) (\w+)$/gm)].map((match) => `${match[1]} ${match[2]}`)
  const wanted = Object.values<MetricDefinition>(metrics).map(({ name, type }) => `${name} ${type}`)
  assert.deepEqual(exposed.sort(), wanted.sort())
})

test('a scrape shows what the driver reported and what the node is now', async () => {
  const subject = create(status)
  subject.proposed(32, 4096)
  subject.committed(2, 5)
  subject.requestDone({ queueMs: 1, chooseMs: 2, flushMs: 1, applyMs: 1 }, 'failed')
  const text = await subject.text()
  subject.stop()
  for (const line of [
    'paxos_info{node="n1",version="0.1.0",cluster="c"} 1',
    'paxos_ready 1',
    'paxos_is_leader 1',
    'paxos_ballot_round 3',
    'paxos_elections_total 2',
    'paxos_gap_slots 4',
    'paxos_member_lag_slots{member="n2"} 5',
    'paxos_peer_dropped_messages_total{member="n2"} 6',
    'paxos_store_size_bytes{store="state"} 8192',
    'paxos_proposed_requests_total 32',
    'paxos_batch_requests_bucket{le="32"} 1',
    'paxos_commit_duration_seconds_bucket{le="0.0025"} 1',
    'paxos_requests_total{outcome="failed"} 1',
  ]) {
    assert.ok(text.includes(`${line}\n`), `${line} is missing`)
  }
})

test('a second scrape does not add up what is read', async () => {
  const subject = create(status)
  await subject.text()
  assert.ok((await subject.text()).includes('paxos_elections_total 2\n'))
  subject.stop()
})

test('a node that has no status yet is scraped as not ready', async () => {
  const subject = create(undefined)
  assert.ok((await subject.text()).includes('paxos_ready 0\n'))
  subject.stop()
})

test('docs/METRICS.md is what the table says', () => {
  assert.equal(readFileSync('docs/METRICS.md', 'utf8'), metricsDocument())
})
