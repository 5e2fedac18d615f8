import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PaxosError } from '../base/error.ts'
import { deriveCluster } from './cluster-identity.ts'
import { loadNodeConfig } from './config.ts'

const members = 'n2=127.0.0.1:7702,n1=127.0.0.1:7701,n3=127.0.0.1:7703'

function derive(settings: Record<string, string> = {}) {
  const given = { name: 'n2', dataDir: '/x', bootstrapMembers: members, clusterToken: 'test-token', ...settings }
  return deriveCluster(loadNodeConfig({ settings: given, set: [], file: undefined }, {}, '/'))
}

test('ids follow the sorted names, whatever order the members were given in', () => {
  const { self, epoch } = derive()
  assert.deepEqual(
    epoch.members.map((member) => `${member.id}=${member.name}`),
    ['1=n1', '2=n2', '3=n3'],
  )
  assert.equal(self.id, 2)
  assert.deepEqual([epoch.q1, epoch.q2], [2, 2])
})

test('every node of a cluster derives the same cluster id, and no other cluster does', () => {
  const { clusterId } = derive()
  assert.match(clusterId, /^[0-9a-f]{32}$/)
  assert.equal(derive({ name: 'n1', bootstrapMembers: members.split(',').reverse().join(',') }).clusterId, clusterId)
  const others = [
    { clusterToken: 'other-token' },
    { bootstrapMembers: members.replace('7703', '7704') },
    { q1: '3' },
    { leaseMs: '500' },
  ].map((settings) => derive(settings).clusterId)
  assert.equal(new Set([clusterId, ...others]).size, 5)
})

test('quorums that could miss each other are refused with an example', () => {
  assert.throws(
    () => derive({ q1: '2', q2: '1' }),
    (error) => error instanceof PaxosError && error.code === 'BAD_CONFIG' && /q1 \+ q2/.test(error.message),
  )
  assert.equal(derive({ q1: '3', q2: '1' }).epoch.q2, 1)
})

test('a node that is not a member is refused, and told how one is let in later', () => {
  assert.throws(
    () => derive({ name: 'n9' }),
    (error) =>
      error instanceof PaxosError &&
      /named n9, but bootstrapMembers has only n1, n2, n3/.test(error.message) &&
      /node start --join MEMBER:7601`, without bootstrapMembers/.test(error.hint ?? ''),
  )
})

test('an advertised peer address must be the one that the members dial', () => {
  assert.throws(() => derive({ advertisePeer: '127.0.0.1:9' }), /bootstrapMembers has 127\.0\.0\.1:7702 for n2/)
})
