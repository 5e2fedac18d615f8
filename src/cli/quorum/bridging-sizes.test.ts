import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Epoch, Member } from '../../protocol/epoch.ts'
import { type EpochPlan, planEpoch } from '../../protocol/epoch-plan.ts'
import { firstSlot, toEpochNumber, toNodeId } from '../../protocol/ids.ts'
import { quorumProblem } from '../../protocol/quorum.ts'
import { bridgingSizes } from './bridging-sizes.ts'

interface Situation {
  readonly q1: number
  readonly q2: number
  readonly down: number
}

const acceptors = { from: 1, upTo: 6 }

function membersOf(n: number): Member[] {
  return Array.from({ length: acceptors.upTo + 1 }, (_, at) => {
    return { id: toNodeId(at + 1), name: `n${at + 1}`, peerAddress: 'h:1', kind: at < n ? 'acceptor' : 'learner' }
  })
}

function epochOf(n: number, { q1, q2 }: Situation): Epoch {
  const members = membersOf(n)
  const number = toEpochNumber(1)
  return {
    number,
    protocol: 'multi',
    members,
    q1,
    q2,
    leaseMs: 0,
    featureLevel: 1,
    startSlot: firstSlot,
    highestId: toNodeId(9),
  }
}

/** The plan for as many acceptors; the first `down` members are down. */
function plan(current: Epoch, n: number, down: number, sizes?: { q1: number; q2: number }): EpochPlan {
  const wanted = { after: current.number, members: membersOf(n), q1: sizes?.q1, q2: sizes?.q2 }
  return planEpoch({
    current,
    wanted,
    leader: toNodeId(1),
    lagSlotsMax: 0,
    stateOf: (id) => ({ reachable: id > down, lagSlots: 0, featureMax: 1 }),
  })
}

function* situations(n: number): Generator<Situation> {
  for (let q1 = 1; q1 <= n; q1++) {
    for (let q2 = 1; q2 <= n; q2++) {
      for (let down = 0; down < n; down++) if (quorumProblem({ n, q1, q2 }) === undefined) yield { q1, q2, down }
    }
  }
}

test('with the sizes that are named first, a refused change of members is made', () => {
  let named = 0
  for (let n = acceptors.from; n <= acceptors.upTo; n++) {
    for (const situation of situations(n)) {
      for (const wanted of [n - 1, n + 1]) {
        const { down } = situation
        const current = epochOf(n, situation)
        const refused = plan(current, wanted, down)
        const sizes = bridgingSizes(refused)
        if (sizes === undefined) continue
        named++
        assert.ok(refused.problems.length > 0)
        const first = plan(current, n, down, sizes)
        assert.deepEqual(first.problems, [], JSON.stringify({ n, wanted, situation, sizes }))
        const then = plan({ ...first.next, startSlot: firstSlot }, wanted, down)
        assert.deepEqual(then.problems, [], JSON.stringify({ n, wanted, situation, sizes }))
      }
    }
  }
  assert.ok(named > 50, String(named))
})

test('they differ least from those now', () => {
  const named = (n: number, wanted: number, q1: number, q2: number, down = 0): unknown =>
    bridgingSizes(plan(epochOf(n, { q1, q2, down }), wanted, down))
  assert.deepEqual(named(3, 2, 3, 1), { q1: 2, q2: 2 })
  assert.deepEqual(named(5, 4, 5, 1), { q1: 4, q2: 2 })
  assert.deepEqual(named(3, 4, 3, 1), { q1: 3, q2: 2 })
  // Sizes that nobody has to change, or that cannot help.
  assert.equal(named(5, 4, 4, 2), undefined)
  assert.equal(named(2, 1, 2, 2, 1), undefined)
})
