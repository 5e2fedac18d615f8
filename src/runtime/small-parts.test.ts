import assert from 'node:assert/strict'
import test from 'node:test'
import { decodeRequest } from '../machine/command-codec.ts'
import { toNodeId, toSlot } from '../protocol/ids.ts'
import { ClockWatch } from './clock-watch.ts'
import { HistoryKeeper } from './history-keeper.ts'
import { Outcomes } from './outcomes.ts'
import type { Clock } from './ports.ts'
import { whyNotReady } from './readiness.ts'
import { SeenForwards } from './seen-forwards.ts'

test('a machine that slept is noticed once: its wall clock went on, its monotonic one did not', () => {
  let [now, wall] = [1000, 5_000_000]
  const clock: Clock = { now: () => now, wallNow: () => wall, defer: (task) => task() }
  const watch = new ClockWatch(clock)
  now += 500
  wall += 505
  assert.equal(watch.hasJumped(), false)
  wall += 20
  assert.equal(watch.disagrees(), true)
  assert.equal(watch.hasJumped(), true)
  assert.equal(watch.hasJumped(), false)
  assert.equal(watch.disagrees(), false)
})

test('clocks that drift apart slowly are no jump', () => {
  let now = 0
  const clock: Clock = { now: () => now, wallNow: () => now * 1.0005, defer: (task) => task() }
  const watch = new ClockWatch(clock)
  for (; now < 600_000; now += 100) assert.equal(watch.hasJumped(), false, `at ${now}`)
})

test('a forwarded request counts once, also after many others, and an old number counts as seen', () => {
  const seen = new SeenForwards()
  const [a, b] = [toNodeId(1), toNodeId(2)]
  assert.equal(seen.isFirst(a, 5), true)
  assert.equal(seen.isFirst(a, 5), false)
  assert.equal(seen.isFirst(b, 5), true)
  assert.equal(seen.isFirst(a, 4), true, 'out of order, but new')
  for (let id = 6; id < 200_000; id++) assert.equal(seen.isFirst(a, id), true)
  assert.equal(seen.isFirst(a, 5), false)
  assert.equal(seen.isFirst(a, 199_999), false)
})

test('outcomes leave in parts that fit a message, in order', () => {
  const outcomes = new Outcomes()
  const value = new Uint8Array(700_000)
  const item = { key: 'k', value, createRevision: 1, modRevision: 1, version: 1 } as never
  const results = [{ kind: 'get', items: [item], more: false }] as const
  const reply = { kind: 'txn', slot: toSlot(1), revision: 1, succeeded: true, results } as const
  for (let id = 1; id <= 3; id++) outcomes.add(toNodeId(2), id, { kind: 'replied', reply })
  const parts: number[][] = []
  outcomes.take((_to, part) => parts.push(part.map(({ id }) => id)))
  assert.deepEqual(parts, [[1], [2], [3]])
  outcomes.take(() => assert.fail('handed out twice'))
})

test('history is compacted when a tenth more than the bound has gathered, one compaction at a time', () => {
  const asked: number[] = []
  let done: () => void = () => {}
  const keeper = new HistoryKeeper(100, (request, finished) => {
    const { command } = decodeRequest(request)
    assert(command.kind === 'compact')
    asked.push(command.revision)
    done = finished
  })
  keeper.onTick({ revision: 109, compactedRevision: 0, isHistoryLeft: false })
  assert.deepEqual(asked, [])
  keeper.onTick({ revision: 110, compactedRevision: 0, isHistoryLeft: false })
  keeper.onTick({ revision: 300, compactedRevision: 0, isHistoryLeft: false })
  assert.deepEqual(asked, [10])
  done()
  keeper.onTick({ revision: 300, compactedRevision: 10, isHistoryLeft: false })
  assert.deepEqual(asked, [10, 200])
  done()
  keeper.onTick({ revision: 300, compactedRevision: 200, isHistoryLeft: true })
  keeper.onTick({ revision: 300, compactedRevision: 200, isHistoryLeft: true })
  assert.deepEqual(asked, [10, 200, 200], 'what is left goes with further slots')
  done()
  keeper.onTick({ revision: 300, compactedRevision: 200, isHistoryLeft: false })
  assert.equal(asked.length, 3)
  const idle = new HistoryKeeper(0, () => assert.fail('0 keeps everything'))
  idle.onTick({ revision: 1_000_000, compactedRevision: 0, isHistoryLeft: false })
})

test('a node says why it should get no traffic', () => {
  const engine = {
    chosenUpTo: toSlot(10),
    steady: false,
    peers: [{ id: toNodeId(2), chosenUpTo: toSlot(500) }],
  } as never
  const base = {
    self: toNodeId(1),
    leader: toNodeId(2),
    engine,
    isRetired: false,
    diverged: undefined,
    isInstalling: false,
    isMissingData: false,
    removedIn: undefined,
    lagSlotsMax: 1000,
  }
  assert.equal(whyNotReady(base), undefined)
  assert.match(whyNotReady({ ...base, lagSlotsMax: 400 }) ?? '', /490 slots behind/)
  const unheard = { ...(engine as object), peers: [{ id: toNodeId(2), chosenUpTo: toSlot(0) }] } as never
  assert.match(whyNotReady({ ...base, engine: unheard }) ?? '', /has not said/)
  assert.match(whyNotReady({ ...base, leader: undefined }) ?? '', /no leader/)
  assert.match(whyNotReady({ ...base, leader: base.self }) ?? '', /barrier/)
  assert.match(whyNotReady({ ...base, isInstalling: true }) ?? '', /snapshot/)
  assert.match(whyNotReady({ ...base, isMissingData: true }) ?? '', /missing/)
  assert.match(whyNotReady({ ...base, isRetired: true }) ?? '', /stopping/)
  const diverged = { node: base.self, first: { from: toSlot(7), to: toSlot(8) }, isMinority: true }
  assert.match(whyNotReady({ ...base, diverged }) ?? '', /differ from those of the majority: first in slot 7$/)
  const roughly = { ...diverged, first: { from: toSlot(7), to: toSlot(9) } }
  assert.match(whyNotReady({ ...base, diverged: roughly }) ?? '', /first in a slot from 7 to 8$/)
})
