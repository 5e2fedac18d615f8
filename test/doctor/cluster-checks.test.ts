import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clusterChecks } from '../../src/cli/doctor/cluster-checks.ts'
import type { ClusterFacts } from '../../src/cli/doctor/cluster-facts.ts'
import { differenceFindings } from '../../src/cli/doctor/difference-checks.ts'
import type { Finding } from '../../src/cli/doctor/finding.ts'
import { nodeFindings } from '../../src/cli/doctor/node-checks.ts'
import { brief, clusterOf, diagnosisOf, gone, memberOf, noGaps, statusOf } from './facts.ts'

function all(facts: ClusterFacts): readonly Finding[] {
  return [...clusterChecks, nodeFindings, differenceFindings].flatMap((check) => check(facts))
}

test('a healthy cluster has no findings', () => {
  assert.deepEqual(all(clusterOf()), [])
})

test('a member that is down is named, and so is the margin that is gone', () => {
  const leader = { status: statusOf('n1', {}, ['n1', 'n2']) }
  const found = all(clusterOf({ n1: leader, n2: { status: statusOf('n2', {}, ['n1', 'n2']) }, n3: gone }))
  assert.deepEqual(brief(found), ['QUORUM_MARGIN warning cluster', 'MEMBER_UNREACHABLE error n3'])
  assert.match(found[0]?.evidence ?? '', /2 of 3 acceptors are up; q1 2, q2 2; down: n3/)
  assert.match(found[1]?.evidence ?? '', /refused/)
})

test('a member that only the operator cannot reach is up', () => {
  const found = all(clusterOf({ n3: gone }))
  assert.deepEqual(brief(found), ['MEMBER_UNREACHABLE warning n3'])
  assert.match(found[0]?.evidence ?? '', /reached by n1, n2/)
})

test('a member that answers, but whom the leader does not hear, is not up', () => {
  const leader = { status: statusOf('n1', {}, ['n1', 'n2']) }
  assert.deepEqual(brief(all(clusterOf({ n1: leader }))), ['QUORUM_MARGIN warning cluster'])
})

test('without enough members for q2 the quorum is lost', () => {
  const status = statusOf('n1', { role: 'candidate', steady: false, leader: null, notReady: 'no leader is known' }, [
    'n1',
  ])
  const found = all(clusterOf({ n1: { status }, n2: gone, n3: gone }))
  assert.deepEqual(brief(found), [
    'QUORUM_LOST error cluster',
    'NO_LEADER error cluster',
    'MEMBER_UNREACHABLE error n2',
    'MEMBER_UNREACHABLE error n3',
    'MEMBER_NOT_READY warning n1',
  ])
})

test('a small q2 goes on without an electable leader, and that is an error', () => {
  const sizes = { q1: 3, q2: 1 }
  const leader = { status: statusOf('n1', sizes, ['n1', 'n2']) }
  const found = all(clusterOf({ n1: leader, n2: { status: statusOf('n2', sizes, ['n1', 'n2']) }, n3: gone }))
  assert.deepEqual(brief(found), ['QUORUM_MARGIN error cluster', 'MEMBER_UNREACHABLE error n3'])
  assert.match(found[0]?.message ?? '', /No new leader/)
})

test('a whole cluster that can spare nobody is only worth knowing', () => {
  const sizes = { q1: 3, q2: 1 }
  const facts = clusterOf({ n1: { status: statusOf('n1', sizes) }, n2: { status: statusOf('n2', sizes) } })
  assert.deepEqual(brief(all(facts)), ['QUORUM_MARGIN info cluster'])
})

test('of two that say they lead, the one at the higher ballot is believed', () => {
  const old = { status: statusOf('n2', { role: 'leader', steady: true, ballot: '2.2' }, ['n2']) }
  assert.deepEqual(all(clusterOf({ n2: old })), [])
})

test('a member far behind or not ready is named', () => {
  const status = statusOf('n3', { applied: 3999, notReady: 'catching up: 1001 slots behind the leader' })
  const found = all(clusterOf({ n3: { status } }))
  assert.deepEqual(brief(found), ['MEMBER_NOT_READY warning n3', 'MEMBER_LAGS warning n3'])
  assert.match(found[1]?.evidence ?? '', /1001 slots/)
  assert.deepEqual(all(clusterOf({ n3: { status: statusOf('n3', { applied: 4000 }) } })), [])
})

test('a member whose data differ is named once, by those who know', () => {
  const known = { diverged: ['n3'] }
  const own = { diverged: ['n3'], notReady: 'its data differ from those of the majority: first in slot 7' }
  const facts = clusterOf({ n2: { status: statusOf('n2', known) }, n3: { status: statusOf('n3', own) } })
  const found = all(facts)
  assert.deepEqual(brief(found), ['DIVERGED error n3'])
  assert.match(found[0]?.evidence ?? '', /^said by n2, n3; n3 itself: its data differ .* slot 7$/)
  const silent = all(clusterOf({ n2: { status: statusOf('n2', known) }, n3: gone }))
  assert.deepEqual(brief(silent), ['MEMBER_UNREACHABLE warning n3', 'DIVERGED error n3'])
})

test('a link that is down between members that are up is a finding, and one to a dead member is not', () => {
  const link = {
    member: 'n3',
    connected: false,
    inbound: true,
    version: '1.0.0',
    featureLevels: { min: 1, max: 1 },
    lastError: 'connect ETIMEDOUT',
    refusal: null,
  }
  const diagnosis = diagnosisOf('n2', { links: [link] })
  const found = all(clusterOf({ n2: { diagnosis } }))
  assert.deepEqual(brief(found), ['LINK_DOWN warning n2'])
  assert.match(found[0]?.evidence ?? '', /p:2: connect ETIMEDOUT/)
  assert.ok(!brief(all(clusterOf({ n2: { diagnosis }, n3: gone }))).some((line) => line.startsWith('LINK_DOWN')))
})

test('a member that the others refuse has one finding, and no other says to start it or to look at a firewall', () => {
  const refusal = { by: 'node', code: 'OTHER_DISK', message: 'Node 3 comes with a new data directory' } as const
  const lost = { connected: false, inbound: false, version: null, featureLevels: null }
  const to3 = { ...lost, member: 'n3', lastError: 'refused n3', refusal }
  const from3 = (member: string) => ({
    ...lost,
    member,
    lastError: 'refused',
    refusal: { ...refusal, by: 'member' } as const,
  })
  const found = all(
    clusterOf({
      n1: { status: statusOf('n1', {}, ['n1', 'n2']), diagnosis: diagnosisOf('n1', { links: [to3] }) },
      n2: { status: statusOf('n2', {}, ['n1', 'n2']), diagnosis: diagnosisOf('n2', { links: [to3] }) },
      n3: {
        status: statusOf('n3', { notReady: 'no leader is known; n1 refused this node: OTHER_DISK' }, ['n3']),
        diagnosis: diagnosisOf('n3', { links: [from3('n1'), from3('n2')] }),
      },
    }),
  )
  assert.deepEqual(brief(found), ['QUORUM_MARGIN warning cluster', 'MEMBER_SHUNNED error n3'])
  assert.match(found[0]?.fix ?? '', /^on n3: systemctl stop paxos; .* paxos member replace n3 NEW$/)
  assert.match(found[1]?.evidence ?? '', /^refused by n1, n2: OTHER_DISK: Node 3 comes with a new data directory$/)
  // Who never took it does not know where it serves clients.
  const silent = all(clusterOf({ n1: { diagnosis: diagnosisOf('n1', { links: [to3] }) }, n3: gone }))
  assert.deepEqual(brief(silent), ['MEMBER_SHUNNED error n3'])
})

test('gaps that stay are a finding', () => {
  const row = { from: 7, to: 9, class: 'hole', votes: [], advice: '' } as const
  const found = all(clusterOf({}, { ...noGaps, rows: [row] }))
  assert.deepEqual(brief(found), ['LOG_GAPS warning cluster'])
  assert.match(found[0]?.evidence ?? '', /7…8 hole/)
})

test('clocks are judged by what is certain of their difference', () => {
  const off = (offsetMs: number, uncertaintyMs: number) => ({ clock: { offsetMs, uncertaintyMs } })
  const found = all(clusterOf({ n2: off(-400, 10), n3: off(300, 10) }))
  assert.deepEqual(brief(found), ['CLOCK_SKEW warning cluster'])
  assert.match(found[0]?.message ?? '', /n3 is at least 680 ms ahead of that of n2/)
  assert.deepEqual(all(clusterOf({ n2: off(-400, 110), n3: off(300, 110) })), [])
  // The operator's own clock may be wrong by any amount.
  assert.deepEqual(all(clusterOf({ n1: off(1e6, 1), n2: off(1e6, 1), n3: off(1e6, 1) })), [])
})

test('a node that was removed is told apart, and nothing else about it counts', () => {
  const status = statusOf('n3', { applied: 0, notReady: 'no leader is known' })
  const facts = clusterOf({ n3: { status } })
  const roster = facts.roster.filter((member) => member.name !== 'n3')
  const found = all({ ...facts, roster })
  assert.deepEqual(brief(found), ['QUORUM_MARGIN info cluster', 'NOT_A_MEMBER warning n3'])
  assert.match(found[1]?.evidence ?? '', /members now: n1, n2/)
})

test('a node of another cluster is no member, and what a member says of it is shown', () => {
  const status = { ...statusOf('n2'), clusterId: 'other' }
  const stranger = memberOf('n2', { endpoint: 'http://h:9', status })
  const facts = clusterOf()
  assert.deepEqual(brief(all({ ...facts, members: [...facts.members, stranger] })), ['OTHER_CLUSTER error n2'])
  const message =
    'The cluster was recovered from the loss of its quorum: run `paxos recover apply` on the directory of n2 first'
  const refusal = { by: 'member', code: 'WRONG_CLUSTER', message } as const
  const links = diagnosisOf('n2').links.map((link) => ({ ...link, connected: false, refusal }))
  const left = { ...stranger, diagnosis: diagnosisOf('n2', { links }) }
  const [found] = all({ ...facts, members: [...facts.members, left] })
  assert.match(
    found?.evidence ?? '',
    /the others are c; n1 says: The cluster was recovered .* on the directory of n2 first$/,
  )
})

test('different versions are a finding, also of a member that does not answer', () => {
  const newer = { ...statusOf('n3'), node: { ...statusOf('n3').node, version: '1.1.0' } }
  const found = all(clusterOf({ n3: { status: newer } }))
  assert.deepEqual(brief(found), ['VERSION_MIX warning cluster'])
  assert.equal(found[0]?.evidence, '1.0.0: n2, n1; 1.1.0: n3')
  const link = {
    member: 'n3',
    connected: true,
    inbound: true,
    version: '0.9.0',
    featureLevels: { min: 1, max: 1 },
    lastError: null,
    refusal: null,
  }
  const remembered = all(clusterOf({ n1: { diagnosis: diagnosisOf('n1', { links: [link] }) }, n3: { ...gone } }))
  assert.ok(brief(remembered).some((line) => line.startsWith('MEMBER_UNREACHABLE')))
})

test('settings that must be equal are compared, and those that need not are not', () => {
  const settings = { ...diagnosisOf('n3').settings, electionTimeoutMs: 700, 'limits.freeSpaceMinBytes': 1 }
  const found = all(clusterOf({ n3: { diagnosis: diagnosisOf('n3', { settings }) } }))
  assert.deepEqual(brief(found), ['CONFIG_DIFFERS warning cluster'])
  assert.match(found[0]?.message ?? '', /^electionTimeoutMs differs: /)
  assert.equal(found[0]?.evidence, '500: n1, n2; 700: n3')
})

test('a member that is too old to have a diagnosis is judged by its status', () => {
  assert.deepEqual(all(clusterOf({ n3: { diagnosis: undefined, clock: undefined } })), [])
})
