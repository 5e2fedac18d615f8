import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Ballot } from '../ballot.ts'
import { firstEpoch, toIncarnation, toNodeId } from '../ids.ts'
import { Grant } from './grant.ts'

const [n1, n2] = [toNodeId(1), toNodeId(2)]

function ballot(round: number, node: number, incarnation = 1): Ballot {
  return { epoch: firstEpoch, round, node: toNodeId(node), incarnation: toIncarnation(incarnation), sub: 0 }
}

test('a grant binds against everybody but its holder, for the length of a lease from the last heartbeat', () => {
  const grant = new Grant(400, 0)
  assert.equal(grant.remainingMs(1000, n2), 0)
  grant.extend(1000, ballot(1, 1))
  assert.equal(grant.remainingMs(1000, n2), 400)
  assert.equal(grant.remainingMs(1000, n1), 0)
  grant.extend(1300, ballot(1, 1))
  assert.equal(grant.remainingMs(1699, n2), 1)
  assert.equal(grant.remainingMs(1700, n2), 0)
})

test('after a start nothing is promised to anybody for the length of a lease', () => {
  const grant = new Grant(400, 1400)
  assert.equal(grant.remainingMs(1000, n1), 400)
  grant.extend(1000, ballot(1, 1))
  assert.equal(grant.remainingMs(1399, n1), 1)
  assert.equal(grant.remainingMs(1400, n1), 0)
})

test('without leases nothing is granted and nobody is silent', () => {
  const grant = new Grant(0, 1400)
  assert.ok(grant.extend(1000, ballot(1, 1)))
  assert.equal(grant.remainingMs(1000, n2), 0)
})

test('a release gives back the grant of its own ballot only', () => {
  const grant = new Grant(400, 0)
  grant.extend(1000, ballot(3, 1, 2))
  grant.release(ballot(1, 1))
  grant.release(ballot(3, 1, 1))
  grant.release(ballot(3, 2, 2))
  assert.equal(grant.remainingMs(1000, n2), 400)
  grant.release(ballot(3, 1, 2))
  assert.equal(grant.remainingMs(1000, n2), 0)
})

test('an older leader does not take over a grant that lasts, a newer one does', () => {
  const grant = new Grant(400, 0)
  assert.ok(grant.extend(1000, ballot(2, 1)))
  assert.ok(!grant.extend(1399, ballot(1, 2)))
  assert.equal(grant.remainingMs(1399, n2), 1)
  assert.ok(grant.extend(1399, ballot(3, 2)))
  assert.equal(grant.remainingMs(1399, n1), 400)
  assert.ok(grant.extend(1800, ballot(2, 1)), 'what has ended binds nobody')
})
