import assert from 'node:assert/strict'
import { test } from 'node:test'
import { statusOf } from '../../test/doctor/facts.ts'
import { PaxosError } from '../base/error.ts'
import type { StatusJson } from '../wire/api-types.ts'
import { findLeader, nobodyLeads } from './leader.ts'
import { askStopMargin } from './stop-margin.ts'

/** Nodes by name, each as one that does not lead; whoever else is asked does not answer. */
function sourceOf(...nodes: readonly StatusJson[]): { status(endpoint: string): Promise<StatusJson> } {
  return {
    status: async (endpoint) => {
      const found = nodes.find(({ node }) => endpoint.endsWith(node.name))
      if (found === undefined) throw new PaxosError('CANNOT_CONNECT', `Cannot connect to ${endpoint}`)
      return found
    },
  }
}

function leaderless(name: 'n1' | 'n2' | 'n3', ...reachable: readonly string[]): StatusJson {
  const status = statusOf(name, { role: 'follower', leader: null, steady: false })
  return {
    ...status,
    members: status.members.map((member) => ({ ...member, reachable: reachable.includes(member.name) })),
  }
}

test('when nobody leads, nobody may be stopped, and whoever answers says why', async () => {
  const alone = sourceOf(leaderless('n1', 'n1'))
  const margin = await askStopMargin(alone, ['unix:/n1'], 'n1')
  const reason = 'nobody leads; 1 of 3 acceptors answer, as n1 sees it; 2 can elect and 2 can choose'
  assert.deepEqual(margin, { member: 'n1', okToStop: false, reason, reachable: 1, acceptors: 3, q1: 2, q2: 2 })
  const two = sourceOf(leaderless('n1', 'n1'), leaderless('n2', 'n1', 'n2'))
  assert.match((await askStopMargin(two, ['n1', 'n2'], 'n3')).reason, /^nobody leads; 2 of 3 acceptors answer, as n2/)
  await assert.rejects(askStopMargin(alone, ['n1'], 'n9'), { code: 'NOT_FOUND' })
  await assert.rejects(askStopMargin(alone, ['n3'], 'n3'), { code: 'CANNOT_CONNECT' })
})

test('only who would have changed something says that nothing was changed', async () => {
  assert.equal(nobodyLeads().hint, '`paxos cluster status` shows who is there.')
  const failed = { code: 'NO_LEADER', hint: /shows who is there\. Nothing was changed\.$/ }
  await assert.rejects(findLeader(sourceOf(leaderless('n1', 'n1')), ['n1']), failed)
})
