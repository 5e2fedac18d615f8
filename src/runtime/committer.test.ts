import assert from 'node:assert/strict'
import test from 'node:test'
import { zeroBallot } from '../protocol/ballot.ts'
import { firstEpoch, firstGroup, toNodeId } from '../protocol/ids.ts'
import { Committer, type Release } from './committer.ts'
import type { Observer } from './observer.ts'
import type { AcceptorStore, Clock, Done, GroupWrite } from './ports.ts'

const nothing = (): void => {}
const observer: Observer = {
  committed: nothing,
  stateCommitted: nothing,
  proposed: nothing,
  applied: nothing,
  requestDone: nothing,
  readDone: nothing,
  roleChanged: nothing,
  epochBegan: nothing,
  snapshotSent: nothing,
  snapshotInstalled: nothing,
  divergence: nothing,
  note: nothing,
}
const clock: Clock = { now: () => 0, wallNow: () => 0, defer: (task) => task() }

function setUp() {
  const commits: { writes: readonly GroupWrite[]; done: Done }[] = []
  const store: AcceptorStore = {
    load: () => assert.fail('not loaded here'),
    loadEpochs: () => assert.fail('not loaded here'),
    commit: (writes, done) => void commits.push({ writes, done }),
  }
  const released: string[] = []
  const fatal: Error[] = []
  const committer = new Committer(
    store,
    clock,
    observer,
    (releases) => {
      for (const each of releases) released.push(each.kind === 'send' ? each.send.message.kind : each.kind)
    },
    (error) => fatal.push(error),
  )
  return { commits, released, fatal, committer }
}

const write: GroupWrite = {
  group: firstGroup,
  epoch: firstEpoch,
  write: { kind: 'promise', ballot: zeroBallot(firstEpoch) },
}

function release(kind: 'accepted' | 'survey'): Release {
  const ballot = zeroBallot(firstEpoch)
  const message = kind === 'survey' ? ({ kind, round: 1 } as const) : ({ kind, ballot, ranges: [] } as const)
  return { kind: 'send', group: firstGroup, epoch: firstEpoch, send: { kind: 'send', to: [toNodeId(2)], message } }
}

test('what a commit releases leaves after it is durable, never before', () => {
  const { commits, released, committer } = setUp()
  committer.add([write], [release('accepted')])
  committer.flush()
  assert.deepEqual(released, [])
  commits[0]?.done()
  assert.deepEqual(released, ['accepted'])
  assert.ok(committer.isIdle)
})

test('what arrives while a commit is in flight goes into the next, in one piece', () => {
  const { commits, committer } = setUp()
  committer.add([write], [])
  committer.flush()
  committer.add([write], [])
  committer.flush()
  committer.add([write, write], [])
  committer.flush()
  assert.equal(commits.length, 1)
  commits[0]?.done()
  committer.flush()
  assert.equal(commits[1]?.writes.length, 3)
})

test('a release without writes waits for the commit in flight, and for nothing else', () => {
  const { commits, released, committer } = setUp()
  committer.add([], [release('survey')])
  committer.flush()
  assert.deepEqual(released, ['survey'])
  committer.add([write], [])
  committer.flush()
  committer.add([], [release('accepted')])
  committer.flush()
  assert.deepEqual(released, ['survey'])
  commits[0]?.done()
  committer.flush()
  assert.deepEqual(released, ['survey', 'accepted'])
})

test('the first failed commit ends everything: nothing is released or written any more', () => {
  const { commits, released, fatal, committer } = setUp()
  committer.add([write], [release('accepted')])
  committer.flush()
  commits[0]?.done(new Error('no disk'))
  committer.add([write], [release('accepted')])
  committer.flush()
  assert.equal(fatal.length, 1)
  assert.equal(commits.length, 1)
  assert.deepEqual(released, [])
})

test('a killed committer releases nothing, even when its commit becomes durable', () => {
  const { commits, released, committer } = setUp()
  committer.add([write], [release('accepted')])
  committer.flush()
  committer.kill()
  commits[0]?.done()
  assert.deepEqual(released, [])
})
