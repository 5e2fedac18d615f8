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

interface Bench {
  readonly keeper: EpochKeeper
  readonly epochs: Epochs
  /** What is being saved, and what follows from that. */
  readonly saved: { readonly epoch: Epoch; readonly done: () => void }[]
  readonly created: (readonly [number: number, appliedUpTo: Slot])[]
}

const [first, second, third] = [epoch(1, 0), epoch(2, 10), epoch(3, 20)]
const stopSign = { slot: 9, payload: encodeEpoch(second) }

function bench(...known: readonly Epoch[]): Bench {
  const engine = { truncatedUpTo: () => firstSlot } as unknown as Engine
  const open = known.map((each) => ({ epoch: each, engine }))
  const epochs = new Epochs(known, open)
  const saved: Bench['saved'] = []
  const created: Bench['created'] = []
  const host = {
    saveEpoch: (each: Epoch, done: () => void) => void saved.push({ epoch: each, done }),
    setMembers: () => {},
    fail: assert.fail,
  } as unknown as ReplicaHost
  const at = toSlot(10)
  const state = { durableUpTo: at, appliedUpTo: at, machine: { stopSign: undefined } } as unknown as ReplicaState
  const keeper = new EpochKeeper({ self: toNodeId(1), host, options: { resendMs: 100 } as never }, epochs, state, {
    createEngine: ({ number }, appliedUpTo) => {
      created.push([number, appliedUpTo])
      return engine
    },
    step: assert.fail,
    send: () => {},
    onBegun: () => {},
  })
  return { keeper, epochs, saved, created }
}

function openIn({ epochs }: Bench): readonly number[] {
  return epochs.open.map((open) => open.epoch.number)
}

test('an epoch that was skipped, because a member told of a later one first, is opened when its beginning is applied', () => {
  const skipped = bench(first, third)
  const { keeper, epochs, saved, created } = skipped
  keeper.onStopSign(stopSign)
  keeper.onStopSign(stopSign)
  const numbers = saved.map((each) => each.epoch.number)
  assert.deepEqual(numbers, [2], 'nothing is said in it before it is durable')
  assert.deepEqual(openIn(skipped), [1, 3])
  saved[0]?.done()
  assert.deepEqual(created, [[2, 10]])
  assert.deepEqual(openIn(skipped), [1, 2, 3])
  assert.deepEqual(epochs.known, [first, second, third])
  assert.equal(epochs.holding(toSlot(10)).epoch.number, 2)
  assert.deepEqual([epochs.newest.number, epochs.current.epoch.number], [3, 3])
  keeper.onStopSign(stopSign)
  assert.equal(saved.length, 1)
})

test('one that a member told of, and that is being saved, is opened once', () => {
  const told = bench(first)
  told.keeper.begin(second)
  told.keeper.begin(third)
  told.keeper.onStopSign(stopSign)
  for (const { done } of told.saved) done()
  assert.deepEqual(openIn(told), [1, 2, 3])
})

test('one that is skipped while the later one is being saved is opened after it', () => {
  const skipped = bench(first)
  skipped.keeper.begin(third)
  skipped.keeper.onStopSign(stopSign)
  for (const { done } of skipped.saved) done()
  assert.deepEqual(openIn(skipped), [1, 2, 3])
})
