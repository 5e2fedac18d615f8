import assert from 'node:assert/strict'
import test from 'node:test'
import { encodeRequest } from '../machine/command-codec.ts'
import type { Key, Reply } from '../machine/request.ts'
import type { Entry } from '../protocol/entry.ts'
import { toNodeId, toSlot } from '../protocol/ids.ts'
import { GrowthGate } from './growth-gate.ts'
import type { Outcome } from './peer-message.ts'
import { type PendingRequest, Requests } from './requests.ts'

const limits = { queueRequestsMax: 3, queueBytesMax: 10_000 }
const firstId = 100

interface Pending {
  readonly request: PendingRequest
  readonly outcomes: Outcome[]
}

function pending(deadline = 1000, isStamped = false, isForeign = false): Pending {
  const outcomes: Outcome[] = []
  const session = isStamped ? { id: 1, seq: 1, ackedBelow: 0 } : undefined
  const bytes = encodeRequest({ session, command: { kind: 'delete', key: 'k' as Key, ifVersion: undefined } })
  const finish = (outcome: Outcome): void => void outcomes.push(outcome)
  const fresh = { proposedAt: 0, isFinished: false, mayBeDone: false }
  return { request: { bytes, arrivedAt: 0, deadline, finish, isForeign, ...fresh }, outcomes }
}

const anyGrowth = new GrowthGate(() => undefined)

function entry(fill: number): Entry {
  return { kind: 'batch', payload: new Uint8Array([fill]) }
}

const reply: Reply = { kind: 'delete', slot: toSlot(4), revision: 1, deleted: 1 }

function code(outcomes: readonly Outcome[]): string {
  assert.equal(outcomes.length, 1, 'answered exactly once')
  const outcome = outcomes[0]
  return outcome?.kind === 'failed' ? outcome.code : 'replied'
}

test('requests are taken in order, by count and bytes, at least one', () => {
  const requests = new Requests(limits, anyGrowth, firstId)
  const [a, b, c] = [pending(), pending(), pending()]
  for (const { request } of [a, b, c]) requests.add(request)
  assert.equal(requests.hasRoom(1), false)
  assert.deepEqual(requests.take(1, 10), [a.request])
  assert.deepEqual(requests.take(10_000, 1), [b.request])
  assert.deepEqual(requests.take(10_000, 10), [c.request])
  assert.deepEqual(requests.take(10_000, 10), [])
  assert.equal(requests.hasRoom(1), true)
})

test('a request is refused for want of room in the queue, and for its data', () => {
  let why: string | undefined
  const requests = new Requests(limits, new GrowthGate(() => why), firstId)
  const command = { kind: 'put', key: 'k' as Key, value: new Uint8Array(1), ifVersion: undefined } as const
  const put = encodeRequest({ session: undefined, command })
  const full: Outcome = { kind: 'failed', code: 'OVERLOADED', message: '' }
  assert.equal(requests.refusal(put, full), undefined)
  why = 'the disk is full'
  assert.deepEqual(requests.refusal(put, full), { kind: 'failed', code: 'NO_SPACE', message: why })
  for (const { request } of [pending(), pending(), pending()]) requests.add(request)
  assert.equal(requests.refusal(put, full), full)
})

test('a batch whose slot holds it is answered with its replies', () => {
  const requests = new Requests(limits, anyGrowth, firstId)
  const a = pending()
  requests.onProposed(toSlot(4), entry(1), [a.request])
  requests.onApplied(toSlot(4), entry(1), [reply], 5)
  assert.equal(code(a.outcomes), 'replied')
  assert.equal(requests.hasOpen, false)
})

test('a batch whose slot went to another entry is certainly not done, and is proposed again', () => {
  const requests = new Requests(limits, anyGrowth, firstId)
  const a = pending()
  requests.onProposed(toSlot(4), entry(1), [a.request])
  requests.onApplied(toSlot(4), entry(2), [reply], 5)
  assert.deepEqual(a.outcomes, [])
  assert.deepEqual(requests.take(10_000, 10), [a.request])
})

test('a batch that this node bound in an earlier leadership waits for its slot, which a later leader may still give it', () => {
  for (const chosen of [1, 2]) {
    const requests = new Requests(limits, anyGrowth, firstId)
    const [a, b] = [pending(), pending()]
    requests.onProposed(toSlot(4), entry(1), [a.request])
    requests.onProposed(toSlot(4), entry(2), [b.request])
    assert.deepEqual(requests.take(10_000, 10), [])
    requests.onApplied(toSlot(4), entry(chosen), [reply], 5)
    const [done, again] = chosen === 1 ? [a, b] : [b, a]
    assert.equal(code(done.outcomes), 'replied')
    assert.deepEqual(again.outcomes, [])
    assert.deepEqual(requests.take(10_000, 10), [again.request])
  }
})

test('late requests: queued ones are certainly not done, proposed and forwarded ones may be', () => {
  const requests = new Requests(limits, anyGrowth, firstId)
  const [queued, proposed, forwarded] = [pending(10), pending(10), pending(10)]
  requests.add(queued.request)
  requests.onProposed(toSlot(4), entry(1), [proposed.request])
  requests.forward([forwarded.request], toNodeId(2), 0)
  requests.onTick(9, 'NO_LEADER', 'nobody leads')
  assert.deepEqual([queued.outcomes, proposed.outcomes, forwarded.outcomes], [[], [], []])
  requests.onTick(10, 'NO_LEADER', 'nobody leads')
  assert.equal(code(queued.outcomes), 'NO_LEADER')
  assert.equal(code(proposed.outcomes), 'OUTCOME_UNKNOWN')
  assert.equal(code(forwarded.outcomes), 'OUTCOME_UNKNOWN')
})

test('a forwarded request that is refused for lack of a leader waits for the next one', () => {
  const requests = new Requests(limits, anyGrowth, firstId)
  const a = pending()
  const [sent] = requests.forward([a.request], toNodeId(2), 0)
  assert.equal(sent?.id, firstId + 1)
  const refused: Outcome = { kind: 'failed', code: 'NO_LEADER', message: '' }
  requests.onForwarded(toNodeId(3), firstId + 1, refused, 1)
  assert.deepEqual(requests.take(10_000, 10), [], 'only the node that was asked may answer')
  requests.onForwarded(toNodeId(2), firstId + 1, refused, 1)
  requests.onTick(2, 'NO_LEADER', '')
  assert.deepEqual(requests.take(10_000, 10), [a.request])
})

test('only a request with a session is sent again; one without is given up when the leader changes', () => {
  const requests = new Requests(limits, anyGrowth, firstId)
  const [stamped, plain] = [pending(1000, true), pending()]
  requests.forward([stamped.request, plain.request], toNodeId(2), 0)
  assert.deepEqual(requests.takeResends(toNodeId(2), 50, 100), [])
  assert.deepEqual(
    requests.takeResends(toNodeId(2), 100, 100).map(({ id }) => id),
    [firstId + 1],
  )
  assert.deepEqual(
    requests.takeResends(toNodeId(3), 101, 100).map(({ id }) => id),
    [firstId + 1],
  )
  assert.equal(code(plain.outcomes), 'OUTCOME_UNKNOWN')
  assert.deepEqual(stamped.outcomes, [])
})

test('a node that comes to lead takes back what is safe to propose again', () => {
  const requests = new Requests(limits, anyGrowth, firstId)
  const [stamped, plain] = [pending(1000, true), pending()]
  requests.forward([stamped.request, plain.request], toNodeId(2), 0)
  requests.takeBack(5)
  assert.deepEqual(requests.take(10_000, 10), [stamped.request])
  assert.equal(code(plain.outcomes), 'OUTCOME_UNKNOWN')
})

test('what refuses one copy of a request says nothing of the other: a leader that had it may have done it', () => {
  const refused = (code: 'NO_LEADER' | 'OVERLOADED'): Outcome => ({ kind: 'failed', code, message: 'no' })
  const forwarded = (): { requests: Requests; a: Pending } => {
    const requests = new Requests(limits, anyGrowth, firstId)
    const a = pending(10, true)
    requests.forward([a.request], toNodeId(2), 0)
    return { requests, a }
  }
  const endings: readonly ((requests: Requests) => void)[] = [
    // This node comes to lead, and gets no quorum in time.
    (requests) => {
      requests.takeBack(5)
      requests.onTick(10, 'NO_QUORUM', '')
    },
    // So it does, and is stopped.
    (requests) => {
      requests.takeBack(5)
      requests.close(6)
    },
    // The next leader is none any more, and nobody leads until it is too late.
    (requests) => {
      requests.takeResends(toNodeId(3), 5, 100)
      requests.onForwarded(toNodeId(3), firstId + 1, refused('NO_LEADER'), 6)
      requests.onTick(7, 'NO_LEADER', '')
      requests.onTick(10, 'NO_LEADER', '')
    },
    // The next leader has no room for it.
    (requests) => {
      requests.takeResends(toNodeId(3), 5, 100)
      requests.onForwarded(toNodeId(3), firstId + 1, refused('OVERLOADED'), 6)
    },
    // The same leader has the first copy in a slot, and no room for the second.
    (requests) => {
      requests.takeResends(toNodeId(2), 100, 100)
      requests.onForwarded(toNodeId(2), firstId + 1, refused('OVERLOADED'), 101)
    },
  ]
  for (const end of endings) {
    const { requests, a } = forwarded()
    end(requests)
    assert.equal(code(a.outcomes), 'OUTCOME_UNKNOWN')
  }
  // Sent once and refused by whom it was sent to, it is certainly not done.
  const { requests, a } = forwarded()
  requests.onForwarded(toNodeId(2), firstId + 1, refused('OVERLOADED'), 6)
  assert.equal(code(a.outcomes), 'OVERLOADED')
})

test('a snapshot over a slot leaves its batch unknown; stopping tells queued from open', () => {
  const requests = new Requests(limits, anyGrowth, firstId)
  const [skipped, open, queued] = [pending(), pending(), pending()]
  requests.onProposed(toSlot(4), entry(1), [skipped.request])
  requests.onProposed(toSlot(9), entry(2), [open.request])
  requests.add(queued.request)
  requests.onSkipped(toSlot(9), 5)
  assert.equal(code(skipped.outcomes), 'OUTCOME_UNKNOWN')
  assert.deepEqual(open.outcomes, [])
  requests.close(6)
  assert.equal(code(open.outcomes), 'OUTCOME_UNKNOWN')
  assert.equal(code(queued.outcomes), 'STOPPING')
})

test('a request that another node forwarded goes no further: that node is told, and forwards it itself', () => {
  const requests = new Requests(limits, anyGrowth, firstId)
  const [own, foreign] = [pending(), pending(1000, true, true)]
  for (const { request } of [own, foreign]) requests.add(request)
  const sent = requests.forward(requests.take(10_000, 10), toNodeId(2), 5)
  assert.equal(sent.length, 1)
  assert.deepEqual(own.outcomes, [])
  assert.equal(code(foreign.outcomes), 'NO_LEADER')
})

test('a request that was sent to two leaders is never called "certainly not done" by one of them', () => {
  const requests = new Requests(limits, anyGrowth, firstId)
  const [a, b, c] = [pending(100, true), pending(1000, true), pending(100, true)]
  const leader = toNodeId(2)
  const ids = requests.forward([a.request, b.request], leader, 0).map(({ id }) => id)
  assert.equal(requests.takeResends(toNodeId(3), 5, 50).length, 2)
  requests.onForwarded(toNodeId(3), ids[0] ?? 0, { kind: 'failed', code: 'NO_LEADER', message: '' }, 10)
  requests.onForwarded(toNodeId(3), ids[1] ?? 0, { kind: 'failed', code: 'OVERLOADED', message: '' }, 10)
  assert.equal(code(b.outcomes), 'OUTCOME_UNKNOWN')
  // One that was refused by the only leader it was sent to is not done.
  const [only] = requests.forward([c.request], leader, 10)
  requests.onForwarded(leader, only?.id ?? 0, { kind: 'failed', code: 'NO_LEADER', message: '' }, 20)
  requests.onTick(50, 'NO_LEADER', '')
  requests.onTick(100, 'NO_LEADER', '')
  assert.equal(code(a.outcomes), 'OUTCOME_UNKNOWN')
  assert.equal(code(c.outcomes), 'NO_LEADER')
})
