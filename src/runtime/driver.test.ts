import assert from 'node:assert/strict'
import test from 'node:test'
import { zeroBallot } from '../protocol/ballot.ts'
import type { Send, Write } from '../protocol/effect.ts'
import { firstEpoch, firstGroup, toNodeId } from '../protocol/ids.ts'
import { Driver } from './driver.ts'
import type { Observer } from './observer.ts'
import type { PeerMessage } from './peer-message.ts'
import type { AcceptorStore, Done, GroupWrite, Links } from './ports.ts'
import type { Replica } from './replica.ts'

const other = toNodeId(2)
const promise: Write = { kind: 'promise', ballot: zeroBallot(firstEpoch) }
const vacant: Send = { kind: 'send', to: [other], message: { kind: 'release', ballot: zeroBallot(firstEpoch) } }

/** A driver whose turns and commits happen when the test says so, with a replica that does `onTurn` in each turn. */
function setUp(onTurn: (driver: Driver) => void) {
  const commits: { writes: readonly GroupWrite[]; done: Done }[] = []
  const deferred: (() => void)[] = []
  const sent: PeerMessage['kind'][] = []
  let turns = 0
  const store: AcceptorStore = {
    load: () => assert.fail('not loaded here'),
    loadEpochs: () => assert.fail('not loaded here'),
    commit: (writes, done) => void commits.push({ writes, done }),
  }
  const links: Links = {
    send: (_group, _epoch, _to, message) => void sent.push(message.kind),
    isConnected: () => true,
    setMembers: () => {},
  }
  const driver = new Driver({
    self: toNodeId(1),
    store,
    links,
    clock: { now: () => 0, wallNow: () => 0, defer: (task) => void deferred.push(task) },
    observer: { committed: () => {} } as unknown as Observer,
    onFatal: (error) => assert.fail(error),
  })
  const replica = {
    group: firstGroup,
    runTurn: () => {
      turns++
      onTurn(driver)
    },
    onMessage: () => {},
    onTick: () => {},
  } as unknown as Replica
  driver.add(replica)
  /** Runs the turn that is due, and says how many were run so far. */
  const turn = (): number => {
    for (const task of deferred.splice(0)) task()
    return turns
  }
  return { driver, commits, sent, turn }
}

test('what a commit releases is sent at once, and with nothing to commit there is no turn for it', () => {
  const { commits, sent, turn } = setUp((driver) => {
    if (commits.length === 0) driver.host(firstGroup).persist(firstEpoch, [promise], [vacant])
  })
  assert.equal(turn(), 1)
  assert.deepEqual(sent, [])
  commits[0]?.done()
  assert.deepEqual(sent, ['release'])
  assert.equal(turn(), 1)
})

test('what was persisted while a commit was in flight goes with what the next turn persists', () => {
  const { driver, commits, turn } = setUp((driver) => driver.host(firstGroup).persist(firstEpoch, [promise], []))
  turn()
  driver.tick()
  turn()
  assert.equal(commits.length, 1)
  commits[0]?.done()
  assert.equal(turn(), 3)
  assert.equal(commits[1]?.writes.length, 2)
})

test('what a commit releases to this node itself is handed over in a turn', () => {
  let received = 0
  const { driver, commits, turn } = setUp((driver) => {
    const send: Send = { ...vacant, to: [toNodeId(1)] }
    if (commits.length === 0) driver.host(firstGroup).persist(firstEpoch, [promise], [send])
  })
  const { onMessage } = driver
  driver.onMessage = (envelope) => {
    received++
    onMessage.call(driver, envelope)
  }
  turn()
  commits[0]?.done()
  assert.equal(received, 1)
  assert.equal(turn(), 2)
})
