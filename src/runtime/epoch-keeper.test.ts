import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Engine } from '../protocol/engine.ts'
import type { Epoch } from '../protocol/epoch.ts'
import { encodeEpoch } from '../protocol/epoch-codec.ts'
import { firstSlot, type Slot, toEpochNumber, toNodeId, toSlot } from '../protocol/ids.ts'
import { EpochKeeper } from './epoch-keeper.ts'
import { Epochs } from './epochs.ts'
import type { ReplicaHost } from './replica-setup.ts'
import type { ReplicaState } from './state.ts'

const ids = [1, 2, 3].map(toNodeId)
const members = ids.map((id) => ({ id, name: `n${id}`, peerAddress: `h:${id}`, kind: 'acceptor' as const }))

function epoch(number: number, startSlot: number): Epoch {
  const sizes = { protocol: 'multi', q1: 2, q2: 2, leaseMs: 0, featureLevel: 1 } as const
  return { ...sizes, number: toEpochNumber(number), members, startSlot: toSlot(startSlot), highestId: toNodeId(3) }
}

test('an epoch that was skipped, because a member told of a later one first, is opened when its beginning is applied', () => {
  const [first, second, third] = [epoch(1, 0), epoch(2, 10), epoch(3, 20)]
  const engine = { truncatedUpTo: () => firstSlot } as unknown as Engine
  const epochs = new Epochs(
    [first, third],
    [first, third].map((each) => ({ epoch: each, engine })),
  )
  const saved: { readonly epoch: Epoch; readonly done: () => void }[] = []
  const host = {
    saveEpoch: (each: Epoch, done: () => void) => void saved.push({ epoch: each, done }),
    setMembers: () => {},
    fail: assert.fail,
  } as unknown as ReplicaHost
  const created: (readonly [number: number, appliedUpTo: Slot])[] = []
  const state = {
    durableUpTo: toSlot(10),
    appliedUpTo: toSlot(10),
    machine: { stopSign: undefined },
  } as unknown as ReplicaState
  const keeper = new EpochKeeper({ self: toNodeId(1), host, options: { resendMs: 100 } as never }, epochs, state, {
    createEngine: ({ number }, appliedUpTo) => {
      created.push([number, appliedUpTo])
      return engine
    },
    step: assert.fail,
    send: () => {},
    onBegun: assert.fail,
  })
  const stopSign = { slot: 9, payload: encodeEpoch(second) }
  keeper.onStopSign(stopSign)
  keeper.onStopSign(stopSign)
  assert.deepEqual(
    saved.map((each) => each.epoch.number),
    [2],
    'nothing is said in it before it is durable',
  )
  assert.equal(epochs.of(toEpochNumber(2)), undefined)
  saved[0]?.done()
  assert.deepEqual(created, [[2, 10]])
  assert.deepEqual(
    epochs.open.map((open) => open.epoch.number),
    [1, 2, 3],
  )
  assert.deepEqual(
    epochs.known.map(({ number }) => number),
    [1, 2, 3],
  )
  assert.equal(epochs.holding(toSlot(10)).epoch.number, 2)
  assert.deepEqual([epochs.newest.number, epochs.current.epoch.number], [3, 3])
  keeper.onStopSign(stopSign)
  assert.equal(saved.length, 1)
})
