import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PaxosError } from '../base/error.ts'
import type { EpochJson } from '../wire/api-types.ts'
import { replacement } from './replacement.ts'

const kinds = { n1: 'acceptor', n2: 'acceptor', n3: 'acceptor', n4: 'learner' } as const
const current: EpochJson = {
  epoch: 7,
  startSlot: 1,
  protocol: 'multipaxos',
  members: Object.entries(kinds).map(([name, kind], at) => ({
    id: String(at + 1),
    name,
    peerAddress: `${name}:1`,
    kind,
  })),
  q1: 2,
  q2: 2,
  leaseMs: 0,
  featureLevel: 1,
  highestId: '4',
}

function refused(code: string, message: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof PaxosError && error.code === code && message.test(error.message)
}

test('the learner votes and the other member is out, by name or by id', () => {
  for (const [old, fresh] of [
    ['n3', 'n4'],
    ['3', '4'],
  ] as const) {
    const wanted = replacement(current, old, fresh)
    assert.ok(typeof wanted !== 'string')
    assert.equal(wanted.after, 7)
    assert.deepEqual(
      wanted.members?.map(({ name, kind }) => `${name} ${kind}`),
      ['n1 acceptor', 'n2 acceptor', 'n4 acceptor'],
    )
  }
})

test('what is no replacement is refused', () => {
  assert.throws(() => replacement(current, 'n3', 'n3'), refused('USAGE', /n3 cannot be put in its own place/))
  assert.throws(() => replacement(current, 'n4', '4'), refused('USAGE', /n4 cannot be put in its own place/))
  assert.throws(() => replacement(current, 'n3', 'n2'), refused('PRECONDITION_FAILED', /n2 votes already/))
  assert.throws(() => replacement(current, 'n3', 'n9'), refused('NOT_FOUND', /no member "n9"/))
  assert.throws(() => replacement(current, 'n9', 'n4'), refused('NOT_FOUND', /no member "n9"/))
})

test('run again after it was done, it changes nothing', () => {
  assert.match(String(replacement(current, 'n0', 'n2')), /no member n0, and n2 is an acceptor: nothing to do/)
})
