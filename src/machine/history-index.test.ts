import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { key } from '../../test/machine/arbitraries.ts'
import { Bench } from '../../test/machine/fixtures.ts'
import { HistoryIndex, type IndexEntry } from './history-index.ts'

const slot = fc.record({
  keys: fc.uniqueArray(fc.tuple(fc.constantFrom('h', 'd'), key), { selector: String, maxLength: 40 }),
  /** Revisions that the slot spans: all keys at one, or each at its own. */
  isOneRevision: fc.boolean(),
  take: fc.option(fc.record({ back: fc.nat(60), limit: fc.nat(50) })),
})

test('entries come out once, oldest first, none above the revision, whatever pages they lie in', () => {
  fc.assert(
    fc.property(fc.array(slot, { maxLength: 30 }), (slots) => {
      const { view } = new Bench()
      let index = new HistoryIndex(view)
      let revision = 0
      let held: IndexEntry[] = []
      for (const { keys, isOneRevision, take } of slots) {
        if (isOneRevision) revision++
        for (const [kind, each] of keys) {
          if (!isOneRevision) revision++
          index.add({ kind, key: each, supersededAt: revision })
          held.push({ kind, key: each, supersededAt: revision })
        }
        index.flush()
        if (take === null) continue
        const upTo = Math.max(0, revision - take.back)
        const taken = index.take(upTo, take.limit)
        const due = held.filter(({ supersededAt }) => supersededAt <= upTo)
        assert.equal(taken.length, Math.min(due.length, take.limit))
        assert.deepEqual(taken.map(revisionOf), due.slice(0, taken.length).map(revisionOf))
        const names = new Set(taken.map(nameOf))
        assert.equal(names.size, taken.length)
        held = held.filter((entry) => !names.delete(nameOf(entry)))
        assert.equal(names.size, 0, 'something came out that was never put in')
        // A restart reads the pages again.
        index = new HistoryIndex(view)
      }
      const rest = index.take(revision, Number.POSITIVE_INFINITY)
      assert.deepEqual(rest.map(nameOf).sort(), held.map(nameOf).sort())
    }),
    { numRuns: 300 },
  )
})

test('a page that is written later and sorts first does not hold back what is due in another', () => {
  const index = new HistoryIndex(new Bench().view)
  const entry = (name: string, supersededAt: number): IndexEntry => ({
    kind: 'h',
    key: name as IndexEntry['key'],
    supersededAt,
  })
  const long = 'x'.repeat(200)
  // One revision fills a page from z on, and goes on in one that begins with q, which later revisions fill up.
  const due = [...'zyxwvutsrqa'].map((letter) => entry(`${letter}${long}`, 1))
  const later = Array.from({ length: 30 }, (_, at) => entry(`b${at}`, 2 + at))
  for (const each of [...due, ...later]) index.add(each)
  index.flush()
  assert.equal(index.take(1, due.length).length, due.length)
  assert.equal(index.take(40, 100).length, later.length)
})

test('a slot of many entries makes few records, none much larger than a page', () => {
  const bench = new Bench()
  const index = new HistoryIndex(bench.view)
  bench.view.reset()
  for (let i = 1; i <= 1000; i++) index.add({ kind: 'h', key: `key${i}` as IndexEntry['key'], supersededAt: i })
  index.flush()
  assert.ok(bench.view.puts < 15, `${bench.view.puts} records`)
  for (const [, page] of bench.view.range('c', 'd')) assert.ok(page.length <= 2048 + 10 + 1024)
})

function revisionOf({ supersededAt }: IndexEntry): number {
  return supersededAt
}

function nameOf({ kind, key: name, supersededAt }: IndexEntry): string {
  return `${supersededAt} ${kind} ${name}`
}
