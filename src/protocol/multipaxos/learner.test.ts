import assert from 'node:assert/strict'
import { test } from 'node:test'
import { zeroBallot } from '../ballot.ts'
import { noop } from '../entry.ts'
import { firstEpoch, firstSlot, type NodeId, toNodeId, toSlot } from '../ids.ts'
import { SlotLog } from '../slot-log.ts'
import { Acceptor } from './acceptor.ts'
import { Grant } from './grant.ts'
import { Learner } from './learner.ts'
import { defaultMultiPaxosOptions as options } from './options.ts'

const [n2, n3, n4] = [toNodeId(2), toNodeId(3), toNodeId(4)]

class Bench {
  readonly log = new SlotLog(firstSlot, firstSlot)
  readonly learner: Learner
  #now = 0

  constructor() {
    const limits = { promiseBytesMax: 1e6, openSlotsMax: 1000, openBytesMax: 1e6 }
    const acceptor = new Acceptor(zeroBallot(firstEpoch), this.log, new Grant(0, 0), limits)
    this.learner = new Learner(this.log, acceptor, options)
  }

  /** Whom it asks next, once it may. */
  asked(): NodeId | undefined {
    this.learner.onTick(this.#now)
    this.#now += options.catchupDelayMs + options.resendMs
    return this.learner.onTick(this.#now).flatMap((effect) => (effect.kind === 'send' ? effect.to : []))[0]
  }

  /** The answer holds the slots below `upTo` that are missing. Returns whom it goes on with at once. */
  answer(from: NodeId, upTo: number): NodeId | undefined {
    const entries = []
    for (let slot: number = this.log.chosenUpTo; slot < upTo; slot++) entries.push({ slot: toSlot(slot), entry: noop })
    const reply = { kind: 'catchupReply', truncatedUpTo: firstSlot, chosenUpTo: toSlot(upTo), entries } as const
    const effects = this.learner.onCatchupReply(this.#now, from, reply)
    return effects.flatMap((effect) => (effect.kind === 'send' ? effect.to : []))[0]
  }
}

test('those that know more are asked in turn, the one that knows most first', () => {
  const bench = new Bench()
  bench.learner.onPeerChosen(n2, toSlot(5))
  bench.learner.onPeerChosen(n3, toSlot(9))
  bench.learner.onPeerChosen(n4, toSlot(5))
  assert.deepEqual(bench.learner.sources(), [n3, n2, n4])
  assert.deepEqual([bench.asked(), bench.asked(), bench.asked(), bench.asked()], [n3, n2, n4, n3])
})

test('an answer that brings nothing is as good as none: a restart may forget what its node said it knew', () => {
  const bench = new Bench()
  bench.learner.onPeerChosen(n2, toSlot(5))
  bench.learner.onPeerChosen(n3, toSlot(9))
  assert.equal(bench.asked(), n3)
  assert.equal(bench.answer(n3, 0), undefined)
  assert.equal(bench.asked(), n2)
})

test('whoever helped is asked for the rest at once, and nobody when nothing is missing', () => {
  const bench = new Bench()
  bench.learner.onPeerChosen(n2, toSlot(5))
  bench.learner.onPeerChosen(n3, toSlot(9))
  assert.equal(bench.asked(), n3)
  assert.equal(bench.asked(), n2)
  assert.equal(bench.answer(n2, 3), n2)
  assert.equal(bench.answer(n2, 5), undefined)
  assert.deepEqual(bench.learner.sources(), [n3])
  assert.equal(bench.asked(), n3)
  assert.equal(bench.answer(n3, 9), undefined)
  assert.equal(bench.asked(), undefined)
})
