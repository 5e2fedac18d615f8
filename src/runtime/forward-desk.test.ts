import assert from 'node:assert/strict'
import test from 'node:test'
import { encodeRequest } from '../machine/command-codec.ts'
import type { Key } from '../machine/request.ts'
import { toIncarnation, toNodeId, toSlot } from '../protocol/ids.ts'
import { ForwardDesk } from './forward-desk.ts'
import type { Outcome } from './peer-message.ts'

const [me, follower] = [toIncarnation(4), toNodeId(2)]
const command = { kind: 'delete', key: 'k' as Key, ifVersion: undefined } as const
const plain = encodeRequest({ session: undefined, command })
const stamped = encodeRequest({ session: { id: 1, seq: 1, ackedBelow: 0 }, command })
const busy: Outcome = { kind: 'failed', code: 'OVERLOADED', message: '' }
const done: Outcome = { kind: 'replied', reply: { kind: 'put', slot: toSlot(1), revision: 1, version: 1 } }

function desk() {
  const queued: ((outcome: Outcome) => void)[] = []
  const answers: string[] = []
  let refusal: Outcome | undefined
  const it = new ForwardDesk(me, {
    refusal: () => refusal,
    enqueue: (_request, answer) => void queued.push(answer),
    schedule: () => {},
  })
  return {
    queued,
    refuse: (why: Outcome | undefined) => {
      refusal = why
    },
    forward: (id: number, request: Uint8Array, incarnation = me) =>
      it.onForward(follower, { kind: 'forward', incarnation, requests: [{ id, request }] }),
    answers: () => {
      answers.length = 0
      it.takeOutcomes((_to, { outcomes }) => {
        for (const { id, outcome } of outcomes) {
          answers.push(`${id} ${outcome.kind === 'failed' ? outcome.code : outcome.kind}`)
        }
      })
      return answers
    },
  }
}

test('a request that is sent again while it waits is not queued again', () => {
  const it = desk()
  for (let times = 0; times < 5; times++) it.forward(7, stamped)
  assert.equal(it.queued.length, 1)
  it.queued[0]?.(done)
  assert.deepEqual(it.answers(), ['7 replied'])
  // Its answer was lost. It goes through the log again, where its session answers it.
  it.forward(7, stamped)
  assert.equal(it.queued.length, 2)
})

test('one without a session is taken once, whatever became of it', () => {
  const it = desk()
  it.forward(7, plain)
  it.queued[0]?.(done)
  it.forward(7, plain)
  assert.equal(it.queued.length, 1)
  assert.deepEqual(it.answers(), ['7 replied'])
})

test('what was refused once is refused for ever, because the refusal said that it is not done', () => {
  const it = desk()
  it.refuse(busy)
  it.forward(7, stamped)
  it.forward(8, plain)
  assert.deepEqual(it.answers(), ['7 OVERLOADED', '8 OVERLOADED'])
  it.refuse(undefined)
  it.forward(7, stamped)
  it.forward(8, plain)
  assert.equal(it.queued.length, 0)
  assert.deepEqual(it.answers(), ['7 NO_LEADER'])
  it.forward(9, stamped)
  assert.equal(it.queued.length, 1)
})

test('what was meant for another incarnation of this node is dropped without a word', () => {
  const it = desk()
  it.forward(7, stamped, toIncarnation(3))
  assert.equal(it.queued.length, 0)
  assert.deepEqual(it.answers(), [])
})
