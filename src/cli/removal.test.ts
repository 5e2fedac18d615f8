import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PaxosError } from '../base/error.ts'
import type { EpochJson } from '../wire/api-types.ts'
import { removal } from './removal.ts'

function epochOf(epoch: number, ...names: readonly string[]): EpochJson {
  return {
    ...{ epoch, startSlot: 1, protocol: 'multi', q1: 2, q2: 2, leaseMs: 0, featureLevel: 1, highestId: '4' },
    members: names.map((name) => ({ id: name.slice(1), name, peerAddress: `${name}:1`, kind: 'acceptor' })),
  }
}

test('the others stay, and one that was never there is not found', () => {
  const current = epochOf(7, 'n1', 'n2', 'n3')
  for (const wanted of ['n3', '3']) {
    const others = ['n1', 'n2'].map((name) => ({ name, kind: 'acceptor' }))
    assert.deepEqual(removal(current, [], wanted), { after: 7, members: others })
  }
  const isNotFound = (error: unknown): boolean => error instanceof PaxosError && error.code === 'NOT_FOUND'
  assert.throws(() => removal(current, [epochOf(6, 'n1', 'n2')], 'n4'), isNotFound)
})

test('run again after it was done, it changes nothing; a name that came back is removed again', () => {
  const earlier = [epochOf(5, 'n1', 'n2', 'n3', 'n4'), epochOf(6, 'n1', 'n2', 'n3')]
  assert.equal(removal(epochOf(7, 'n1', 'n2', 'n3'), earlier, '4'), 'n4 is no member any more: nothing to do')
  assert.equal(typeof removal(epochOf(8, 'n1', 'n2', 'n3', 'n4'), earlier, 'n4'), 'object')
})
