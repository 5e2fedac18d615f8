import assert from 'node:assert/strict'
import { test } from 'node:test'
import { statusOf } from '../../../test/doctor/facts.ts'
import { PaxosError } from '../../base/error.ts'
import type { GroupStatusJson, StatusJson } from '../../wire/api-types.ts'
import {
  type ClusterLook,
  reasonsNotBack,
  reasonsNotToBegin,
  reasonsToWait,
  requireMargin,
  unrest,
  waitFor,
} from './gates.ts'
import { rollingOrder } from './rolling-order.ts'

function seen(changes: Partial<Record<string, Partial<GroupStatusJson> | undefined>> = {}): ClusterLook {
  const answers = (['n1', 'n2', 'n3'] as const).map((name) => {
    const silent = name in changes && changes[name] === undefined
    return { name, endpoint: `http://${name}`, status: silent ? undefined : statusOf(name, changes[name]) }
  })
  return { answers, leader: answers[0]?.status }
}

test('nobody is taken down while somebody is not well', () => {
  assert.deepEqual(unrest(seen()), [])
  assert.deepEqual(reasonsToWait(seen(), 'n2'), [])
  assert.deepEqual(unrest(seen({ n3: undefined })), ['n3 does not answer'])
  assert.deepEqual(unrest(seen({ n3: { notReady: 'catching up' } })), ['n3 is not ready: catching up'])
  assert.deepEqual(unrest(seen({ n2: { applied: 4000 } })), ['n2 lags by 1,000 slots'])
  assert.deepEqual(unrest({ ...seen(), leader: undefined }), ['nobody leads'])
  const unheard = statusOf('n1', {}, ['n1', 'n2'])
  assert.deepEqual(unrest({ ...seen(), leader: unheard }), ['n3 does not answer the leader'])
})

test('a node is not taken down when the others do not suffice', () => {
  const leader = statusOf('n1', { q1: 3, q2: 3 })
  assert.match(reasonsToWait({ ...seen(), leader }, 'n2').join(), /without n2, 2 of 3 acceptors answer; 3 can elect/)
})

test('what waiting cannot mend is refused before it begins, and what it may mend is not', () => {
  const two = { ...seen(), leader: statusOf('n1', { q1: 3, q2: 3 }) }
  assert.deepEqual(reasonsNotToBegin(two, ['n1', 'n2']).length, 2)
  assert.throws(() => requireMargin(two, ['n2', 'n1']), { code: 'PRECONDITION_FAILED', message: /without n2/ })
  const restless = seen({ n3: undefined })
  assert.deepEqual(reasonsNotToBegin(restless, ['n1', 'n2']), ['n3 does not answer'])
  requireMargin(restless, ['n2'])
  requireMargin(seen(), ['n1', 'n2', 'n3'])
})

test('a node is back when it was started anew and all are well', () => {
  assert.deepEqual(reasonsNotBack(seen(), 'n2', 0), [])
  assert.deepEqual(reasonsNotBack(seen(), 'n2', 1), ['n2 was not restarted yet'])
  assert.deepEqual(reasonsNotBack(seen({ n2: undefined }), 'n2', 0), ['n2 does not answer'])
  assert.deepEqual(reasonsNotBack(seen({ n3: undefined }), 'n2', 0), ['n3 does not answer'])
})

test('a wait says each new reason once, ends when there is none, at its bound, or by the signal', async () => {
  const said: string[] = []
  const options = {
    timeoutMs: 60_000,
    signal: new AbortController().signal,
    say: (text: string) => void said.push(text),
  }
  const looks = [seen({ n2: undefined }), seen({ n2: undefined }), seen()]
  const see = async (): Promise<ClusterLook> => {
    const next = looks.shift()
    if (next === undefined) throw new PaxosError('CANNOT_CONNECT', 'nobody is there')
    return next
  }
  await waitFor(see, unrest, options)
  assert.deepEqual(said, ['n2 does not answer'])
  await assert.rejects(waitFor(see, unrest, { ...options, timeoutMs: 0 }), {
    code: 'TIMEOUT',
    message: /nobody is there/,
  })
  await assert.rejects(waitFor(see, unrest, { ...options, signal: AbortSignal.abort() }), { code: 'STOPPING' })
})

test('learners come first, then followers, those that lag first, and the leader last', () => {
  const member = (
    name: string,
    kind: 'acceptor' | 'learner',
    lagSlots: number | null,
  ): StatusJson['members'][number] => ({
    ...{ name, id: name.slice(1), kind, peerAddress: name, clientAddress: name, reachable: true, lagSlots },
  })
  const members = [member('n1', 'acceptor', 0), member('n2', 'acceptor', 0), member('n3', 'acceptor', 5)]
  const { node } = statusOf('n1')
  assert.deepEqual(rollingOrder({ members: [...members, member('n4', 'learner', 0)], node }), ['n4', 'n3', 'n2', 'n1'])
  assert.deepEqual(rollingOrder({ members: [...members, member('n5', 'acceptor', null)], node }), [
    'n5',
    'n3',
    'n2',
    'n1',
  ])
})
