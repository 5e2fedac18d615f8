import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PaxosError } from '../../src/base/error.ts'
import { collectCluster, type FactSource } from '../../src/cli/doctor/collect.ts'
import type { GapsJson, StatusJson } from '../../src/wire/api-types.ts'
import { diagnosisOf, type Name, noGaps, statusOf } from './facts.ts'

interface Net extends FactSource {
  readonly asked: readonly string[]
}

/** Nodes by endpoint; what is not there does not answer. */
function net(nodes: Readonly<Record<string, StatusJson>>, gaps: readonly GapsJson[] = [noGaps]): Net {
  const asked: string[] = []
  const answers = [...gaps]
  const find = (endpoint: string): StatusJson => {
    const found = nodes[endpoint]
    if (found === undefined) throw new PaxosError('CANNOT_CONNECT', `Cannot connect to ${endpoint}`)
    return found
  }
  return {
    asked,
    status: async (endpoint) => {
      asked.push(endpoint)
      return find(endpoint)
    },
    diagnosis: async (endpoint) => ({ ...diagnosisOf(find(endpoint).node.name as Name), wallMs: Date.now() + 5000 }),
    gaps: async (endpoint) => {
      asked.push(`${endpoint} gaps`)
      find(endpoint)
      return (answers.length > 1 ? answers.shift() : answers[0]) ?? noGaps
    },
  }
}

const all = { 'http://h:0': statusOf('n1'), 'http://h:1': statusOf('n2'), 'http://h:2': statusOf('n3') }

test('one endpoint is enough: the members know each other, and each is asked once', async () => {
  const source = net(all)
  const facts = await collectCluster(source, ['http://h:1'])
  assert.deepEqual(
    facts.members.map(({ name, endpoint }) => `${name} ${endpoint}`),
    ['n1 http://h:0', 'n2 http://h:1', 'n3 http://h:2'],
  )
  assert.deepEqual(source.asked, ['http://h:1', 'http://h:0', 'http://h:2', 'http://h:0 gaps'])
  assert.ok(facts.members.every(({ clock }) => clock !== undefined && Math.abs(clock.offsetMs - 5000) < 1000))
})

test('a member whose address one node does not know is found through another, or where it was given', async () => {
  const forgetful: StatusJson = {
    ...statusOf('n1'),
    members: statusOf('n1').members.map((member) =>
      member.name === 'n3' ? { ...member, clientAddress: null } : member,
    ),
  }
  const viaOther = await collectCluster(net({ ...all, 'http://h:0': forgetful }), ['http://h:0', 'http://h:1'])
  assert.equal(viaOther.members[2]?.endpoint, 'http://h:2')
  const given = await collectCluster(net({ 'http://h:0': forgetful, 'unix:/s': statusOf('n3') }), [
    'http://h:0',
    'unix:/s',
  ])
  assert.equal(given.members[2]?.endpoint, 'unix:/s')
})

test('a member that does not answer is there with the reason', async () => {
  const facts = await collectCluster(net({ 'http://h:0': statusOf('n1'), 'http://h:1': statusOf('n2') }), [
    'http://h:0',
  ])
  assert.equal(facts.members[2]?.status, undefined)
  assert.match(facts.members[2]?.failure ?? '', /Cannot connect to http:\/\/h:2/)
})

test('when nobody answers that is the error, with every reason', async () => {
  await assert.rejects(collectCluster(net({}), ['http://h:0', 'http://h:1']), (error) => {
    assert.ok(error instanceof PaxosError)
    assert.equal(error.code, 'CANNOT_CONNECT')
    assert.match(error.message, /h:0.*h:1/)
    return true
  })
})

test('an endpoint of another cluster is told apart from a member of the same name', async () => {
  const stranger = { ...statusOf('n2'), clusterId: 'other' }
  const facts = await collectCluster(net({ ...all, 'http://x:1': stranger }), ['http://h:0', 'http://x:1'])
  assert.deepEqual(
    facts.members.map(({ name, endpoint, status }) => `${name} ${endpoint} ${status?.clusterId}`),
    ['n1 http://h:0 c', 'n2 http://h:1 c', 'n3 http://h:2 c', 'n2 http://x:1 other'],
  )
})

test('only gaps that are still there a second later count', async () => {
  const hole = { from: 7, to: 8, class: 'hole', votes: [], advice: '' } as const
  const open = { from: 8, to: 9, class: 'inFlight', votes: [], advice: '' } as const
  const passing = await collectCluster(net(all, [{ ...noGaps, rows: [hole, open] }, noGaps]), ['http://h:0'])
  assert.deepEqual(passing.gaps?.rows, [])
  const lasting = await collectCluster(net(all, [{ ...noGaps, rows: [hole, open] }]), ['http://h:0'])
  assert.deepEqual(lasting.gaps?.rows, [hole])
})
