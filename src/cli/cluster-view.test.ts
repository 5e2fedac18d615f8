import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PaxosError } from '../base/error.ts'
import type { GroupStatusJson, StatusJson } from '../wire/api-types.ts'
import { renderCluster, viewCluster } from './cluster-view.ts'
import type { StatusSource } from './member-answers.ts'

const names = ['n1', 'n2', 'n3']

function status(name: string, group: Partial<GroupStatusJson> = {}): StatusJson {
  const at = names.indexOf(name)
  return {
    clusterId: 'c',
    node: {
      name,
      id: String(at + 1),
      pid: 1,
      incarnation: 1,
      version: '0',
      clientAddress: `h:${at}`,
      peerAddress: `p:${at}`,
      featureLevels: { min: 1, max: 1 },
    },
    groups: [
      {
        ...{
          group: '0',
          epoch: 1,
          featureLevel: 1,
          protocol: 'multi',
          role: 'follower',
          leader: 'n1',
          ballot: '3.1',
          promised: '3.1',
        },
        ...{ chosen: 100, applied: 100, durable: 90, truncated: 10, revision: 50, compactedRevision: 0, steady: false },
        ...{ notReady: null, sessions: 0, q1: 2, q2: 2, leaseMs: 0, openSlots: 0, logBytes: 0, elections: 0 },
        ...{ queuedRequests: 0, queuedReads: 0, verifiedUpTo: 100, diverged: [] },
        ...group,
      },
    ],
    members: names.map((member, index) => ({
      ...{ name: member, id: String(index + 1), kind: 'acceptor', reachable: true, lagSlots: 0 },
      ...{ peerAddress: `p:${index}`, clientAddress: `h:${index}` },
    })),
  }
}

/** Nodes by endpoint; what is not there does not answer. */
function source(nodes: Readonly<Record<string, StatusJson>>): StatusSource {
  return {
    status: async (endpoint) => {
      const found = nodes[endpoint]
      if (found === undefined) throw new PaxosError('CANNOT_CONNECT', `Cannot connect to ${endpoint}`)
      return found
    },
  }
}

const leader = status('n1', { role: 'leader', steady: true })

test('a cluster is healthy when every member answers, is ready and one leads', async () => {
  const view = await viewCluster(
    source({ 'http://h:0': leader, 'http://h:1': status('n2'), 'http://h:2': status('n3') }),
    ['http://h:1'],
  )
  assert.deepEqual([view.healthy, view.leader, view.problems], [true, 'n1', []])
  assert.match(renderCluster(view), /\nn1 {4}leader +n1 +3\.1 +100 +100 +0 +50 +ok +http:\/\/h:0\n/)
  assert.match(renderCluster(view), /\nhealthy$/)
})

test('a member that does not answer makes it unhealthy, and is named', async () => {
  const view = await viewCluster(source({ 'http://h:0': leader, 'http://h:1': status('n2') }), ['http://h:0'])
  assert.deepEqual(view.problems, ['n3: no answer'])
  assert.equal(view.nodes[2]?.endpoint, 'http://h:2')
  // Unknown, which is not the same as none.
  assert.match(renderCluster(view), /\nn3 +\? +\? +\? +\? +\? +\? +\? +no answer +http:\/\/h:2\n/)
})

test('too few members for a quorum is said with the number that is needed', async () => {
  const view = await viewCluster(source({ 'http://h:1': status('n2', { leader: null }) }), ['http://h:1'])
  assert.deepEqual(view.problems, [
    'n1: no answer',
    'n3: no answer',
    'no node leads',
    '1 of 3 members answer; 2 are needed to write',
  ])
})

test('a member whose address nobody knows is shown without one', async () => {
  const members = status('n2').members.map((member) => ({ ...member, clientAddress: null }))
  const view = await viewCluster(source({ 'http://h:1': { ...status('n2'), members } }), ['http://h:1'])
  assert.deepEqual(
    view.nodes.map((node) => node.endpoint),
    [null, 'http://h:1', null],
  )
})

test('lag is measured against the member that knows most', async () => {
  const behind = status('n3', { applied: 60, notReady: 'catching up' })
  const view = await viewCluster(source({ 'http://h:0': leader, 'http://h:1': status('n2'), 'http://h:2': behind }), [
    'http://h:2',
  ])
  assert.equal(view.nodes[2]?.lag, 40)
  assert.deepEqual(view.problems, ['n3: catching up'])
})

test('a leader that was cut off and has not noticed loses to the one with the higher ballot', async () => {
  const newer = status('n2', { role: 'leader', steady: true, leader: 'n2', ballot: '12.2' })
  const view = await viewCluster(source({ 'http://h:0': leader, 'http://h:1': newer }), ['http://h:0'])
  assert.equal(view.leader, 'n2')
})

test('the next endpoint is asked when the first does not answer', async () => {
  const nodes = source({ 'http://h:0': leader, 'http://h:1': status('n2'), 'http://h:2': status('n3') })
  assert.equal((await viewCluster(nodes, ['http://nobody:1', 'http://h:0'])).healthy, true)
  await assert.rejects(viewCluster(nodes, ['http://x:1', 'http://y:1']), /No node answered: .*x:1; .*y:1/)
})
