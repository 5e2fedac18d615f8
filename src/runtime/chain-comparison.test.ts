import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type ChainValue, chainZero } from '../machine/chain.ts'
import { type NodeId, type Slot, toNodeId, toSlot } from '../protocol/ids.ts'
import { ChainComparison, type ChainReport, type ChainVerdict } from './chain-comparison.ts'
import { chainSlotsMax } from './peer-message.ts'

/** A member whose chain is that of the log up to `diverges`, and another one from there on. */
interface Fake {
  readonly applied: number
  readonly since?: number
  /** The slot that it applied differently. */
  readonly diverges?: number
  /** What it still knows: every slot from here on, and checkpoints below. */
  readonly knows?: number
  readonly isSilent?: boolean
}

function valueAt(name: number, { diverges = Number.POSITIVE_INFINITY, since = 0 }: Fake, slot: number): ChainValue {
  if (slot === since) return chainZero
  return slot > diverges ? `other ${name} of ${slot}` : `right of ${slot}`
}

function report(name: number, fake: Fake, slots: readonly Slot[]): ChainReport {
  const { applied, since = 0, knows = 0 } = fake
  const known = slots.filter((slot) => slot >= since && slot <= applied && (slot >= knows || slot % 256 === 0))
  const values = new Map(known.map((slot) => [slot, valueAt(name, fake, slot)]))
  return { appliedUpTo: toSlot(applied), since: toSlot(since), revision: 0, compactedRevision: 0, values }
}

function compare(
  fakes: readonly Fake[],
  range: { from?: number; to?: number } = {},
): ChainVerdict & { rounds: number } {
  const names = fakes.map((_, at) => toNodeId(at + 1))
  const slot = (value: number | undefined): Slot | undefined => (value === undefined ? undefined : toSlot(value))
  const comparison = new ChainComparison(names, { from: slot(range.from), to: slot(range.to) })
  let rounds = 0
  for (let slots = comparison.next(); slots !== undefined; slots = comparison.next()) {
    assert.ok(slots.length <= chainSlotsMax, `${slots.length} slots asked at once`)
    assert.ok(++rounds <= 12, 'it does not end')
    const reports = new Map<NodeId, ChainReport>()
    for (const name of comparison.asked) {
      const fake = fakes[name - 1]
      if (fake !== undefined && fake.isSilent !== true) reports.set(name, report(name, fake, slots))
    }
    comparison.add(reports)
  }
  return { ...comparison.verdict(), rounds }
}

const states = ({ members }: ChainVerdict): string[] => members.map(({ state }) => state)
const firsts = ({ members }: ChainVerdict): (number[] | undefined)[] =>
  members.map(({ first }) => first && [first.from, first.to])

test('members that have applied the same, some of it later, are the same', () => {
  const found = compare([{ applied: 1000 }, { applied: 990 }, { applied: 3 }])
  assert.equal(found.verdict, 'same')
  assert.equal(found.checkedUpTo, 990)
  assert.deepEqual(states(found), ['same', 'same', 'same'])
  assert.equal(found.rounds, 2)
})

test('a cluster that has applied nothing is the same', () => {
  const found = compare([{ applied: 0 }, { applied: 0 }, { applied: 0 }])
  assert.deepEqual([found.verdict, found.checkedUpTo], ['same', 0])
})

test('the first slot of the minority is found exactly, in a few rounds', () => {
  const found = compare([{ applied: 60_000 }, { applied: 60_100, diverges: 31_415 }, { applied: 59_999 }])
  assert.deepEqual([found.verdict, states(found)], ['diverged', ['same', 'diverged', 'same']])
  assert.deepEqual(firsts(found), [undefined, [31_415, 31_416], undefined])
  assert.ok(found.rounds <= 6, `${found.rounds} rounds`)
})

test('where only checkpoints are known, it is found between two of them', () => {
  const found = compare([
    { applied: 60_000 },
    { applied: 60_000, diverges: 31_415, knows: 50_000 },
    { applied: 60_000 },
  ])
  assert.deepEqual(firsts(found), [undefined, [31_232, 31_488], undefined])
})

test('wherever a member diverged, it is found there', () => {
  const slots = fc.integer({ min: 0, max: 200_000 })
  fc.assert(
    fc.property(slots, slots, slots, fc.integer({ min: 0, max: 4 }), (applied, part, knows, who) => {
      const diverges = part % (applied + 1)
      const knownFrom = Math.min(knows, applied + 1)
      const fakes = [0, 1, 2, 3, 4].map((at) => {
        const fake = { applied: applied + 1 + at, knows: knownFrom }
        return at === who ? { ...fake, diverges } : fake
      })
      const found = compare(fakes)
      const first = found.members[who]?.first
      assert.ok(first !== undefined && first.from <= diverges && diverges < first.to, JSON.stringify(found))
      assert.ok(first.to - first.from <= (diverges >= knownFrom ? 1 : 256), JSON.stringify(first))
      assert.equal(states(found).filter((state) => state !== 'same').length, 1)
    }),
    // Little is known between two checkpoints: the search must not crawl through what nobody knows until it gives up.
    { numRuns: 2000, seed: 1, examples: [[1023, 512, 751, 0]] },
  )
})

test('two that diverged at different slots are both named', () => {
  const found = compare([
    { applied: 900 },
    { applied: 900, diverges: 100 },
    { applied: 900 },
    { applied: 900, diverges: 700 },
    { applied: 900 },
  ])
  assert.deepEqual(firsts(found), [undefined, [100, 101], undefined, [700, 701], undefined])
})

test('without a majority nobody is named', () => {
  const found = compare([{ applied: 900 }, { applied: 900, diverges: 100 }, { applied: 900, isSilent: true }])
  assert.deepEqual([found.verdict, states(found)], ['diverged', ['differs', 'differs', 'silent']])
  assert.deepEqual(firsts(found), [[100, 101], [100, 101], undefined])
  // Slot 100 is the last that both have applied the same.
  assert.equal(found.checkedUpTo, 100)
})

test('when too few answer, nothing is known', () => {
  const found = compare([{ applied: 900 }, { applied: 900, isSilent: true }, { applied: 900, isSilent: true }])
  assert.deepEqual([found.verdict, found.checkedUpTo], ['unknown', undefined])
  assert.equal(compare([{ applied: 5 }]).verdict, 'same')
})

test('chains that began elsewhere are not compared', () => {
  const found = compare([{ applied: 70_000, since: 65_536 }, { applied: 70_000 }, { applied: 70_000 }])
  assert.deepEqual([found.verdict, states(found)], ['same', ['incomparable', 'same', 'same']])
  const upgraded = compare([
    { applied: 70_000, since: 65_536 },
    { applied: 70_000, since: 65_536 },
  ])
  assert.deepEqual([upgraded.verdict, upgraded.checkedUpTo], ['same', 70_000])
})

test('a chain that has not begun yet proves nothing', () => {
  const found = compare([
    { applied: 500, since: 65_536 },
    { applied: 500, since: 65_536 },
  ])
  assert.deepEqual([found.verdict, found.checkedUpTo], ['unknown', undefined])
})

test('a slot that nobody has reached compares nothing', () => {
  const fakes = [{ applied: 200 }, { applied: 190 }, { applied: 0 }]
  const found = compare(fakes, { to: 250 })
  assert.deepEqual([found.verdict, found.checkedUpTo], ['unknown', undefined])
  assert.deepEqual(states(found), ['incomparable', 'incomparable', 'same'])
  assert.deepEqual(states(compare(fakes, { to: 200 })), ['same', 'incomparable', 'same'])
  assert.equal(compare(fakes, { to: 200 }).verdict, 'unknown')
  assert.equal(compare(fakes, { to: 190 }).verdict, 'same')
  // A cluster at its beginning, of which one has just applied more.
  assert.equal(compare([{ applied: 1 }, { applied: 0 }, { applied: 0 }]).verdict, 'same')
})

test('it compares at the slot that is wanted, and looks no further down than it is told', () => {
  const fakes = [{ applied: 9000 }, { applied: 9000, diverges: 5000 }, { applied: 9000 }]
  assert.deepEqual([compare(fakes, { to: 4000 }).verdict, compare(fakes, { to: 4000 }).checkedUpTo], ['same', 4000])
  assert.equal(compare(fakes, { to: 6000 }).verdict, 'diverged')
  assert.deepEqual(firsts(compare(fakes, { from: 4500 }))[1], [5000, 5001])
  assert.deepEqual(firsts(compare(fakes, { from: 7000 }))[1], [0, 7000])
})

test('values that nobody asked for are not listened to', () => {
  const comparison = new ChainComparison([toNodeId(1), toNodeId(2)], { from: undefined, to: undefined })
  const liar = { ...report(2, { applied: 10 }, []), values: new Map([[toSlot(0), 'not zero']]) }
  for (let slots = comparison.next(); slots !== undefined; slots = comparison.next()) {
    comparison.add(
      new Map([
        [toNodeId(1), report(1, { applied: 10 }, slots)],
        [toNodeId(2), liar],
      ]),
    )
  }
  assert.equal(comparison.verdict().verdict, 'unknown')
})
