import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Slot, toSlot } from '../protocol/ids.ts'
import type { Observer } from './observer.ts'
import { ReadDesk } from './read-desk.ts'
import type { ReadOutcome } from './replica-service.ts'
import type { ReplicaState } from './state.ts'

const answer = { kind: 'item', item: undefined, revision: 0 } as const

function readStale(appliedUpTo: Slot, truncatedUpTo: Slot): ReadOutcome {
  const state = { appliedUpTo, isInstalling: false, query: () => answer } as unknown as ReplicaState
  const observer = { readDone() {} } as unknown as Observer
  const desk = new ReadDesk(1, state, observer, {
    now: () => 0,
    holdsLease: () => false,
    leader: () => undefined,
    epochs: () => ({ refusal: undefined, truncatedUpTo }),
    diverged: () => undefined,
    schedule: () => assert.fail('a stale read waits for nobody'),
  })
  let outcome: ReadOutcome | undefined
  desk.readStale({} as never, (given) => {
    outcome = given
  })
  assert.ok(outcome !== undefined)
  return outcome
}

test('a stale read is answered from however old a state, but not from none where the cluster began with data', () => {
  assert.equal(readStale(toSlot(0), toSlot(0)).kind, 'answered')
  assert.equal(readStale(toSlot(3), toSlot(9)).kind, 'answered')
  assert.deepEqual(readStale(toSlot(0), toSlot(1)), {
    kind: 'failed',
    code: 'OVERLOADED',
    message: 'This node waits for its data from another member.',
  })
})
