import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PaxosError } from '../base/error.ts'
import type { EpochJson } from '../wire/api-types.ts'
import { type MemberLists, membersWanted } from './members-wanted.ts'

const kinds = { n1: 'acceptor', n2: 'acceptor', n3: 'acceptor', n4: 'learner' } as const
const current: EpochJson = {
  ...{ epoch: 7, startSlot: 1, protocol: 'multi', q1: 2, q2: 2, leaseMs: 0, featureLevel: 1, highestId: '4' },
  members: Object.entries(kinds).map(([name, kind]) => ({ id: name.slice(1), name, peerAddress: `${name}:1`, kind })),
}

/** A learner has a question mark. */
function wanted(lists: MemberLists): string {
  return membersWanted(current, lists)
    .map(({ name, kind }) => (kind === 'learner' ? `${name}?` : name))
    .join(' ')
}

test('without a list all stay as they are; lists take names and ids', () => {
  assert.equal(wanted({}), 'n1 n2 n3 n4?')
  assert.equal(wanted({ members: 'n1, 4' }), 'n1 n4?')
  assert.equal(wanted({ acceptors: 'n1,4' }), 'n1 n2? n3? n4')
  assert.equal(wanted({ members: 'n1,n2,n4', acceptors: 'n1,n4' }), 'n1 n2? n4')
})

test('who is no member, or is to vote and to leave, is refused', () => {
  const refused = (code: string) => (error: unknown) => error instanceof PaxosError && error.code === code
  assert.throws(() => wanted({ members: 'n1,n9' }), refused('NOT_FOUND'))
  assert.throws(() => wanted({ members: 'n1,n2', acceptors: 'n1,n3' }), refused('USAGE'))
})
