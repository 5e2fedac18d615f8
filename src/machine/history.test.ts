import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BaseView, Bench, del, put, toKey } from '../../test/machine/fixtures.ts'
import { compareNumbers, lowerBound } from '../base/order.ts'
import { Random } from '../base/random.ts'
import { Overlay } from '../runtime/overlay.ts'
import { readHistoryPage } from './history-page.ts'
import { Kv } from './kv.ts'
import { historyRange } from './layout.ts'
import type { Item, Key, Reply } from './request.ts'

test('reads at the compacted revision are answered, below it not, and later ones are unharmed', () => {
  const bench = new Bench()
  for (let i = 1; i <= 5; i++) bench.put('a', String(i))
  bench.put('b', 'x')
  bench.one(del('b'))
  assert.deepEqual(bench.one({ kind: 'compact', revision: 3 }), { kind: 'compact', slot: 7, revision: 7, compacted: 3 })
  assert.equal(bench.machine.compactedRevision, 3)
  assert.equal(bench.get('a', 2), 'COMPACTED')
  assert.equal(codeOf(bench.list('', undefined, { revision: 2 })), 'COMPACTED')
  for (let i = 3; i <= 5; i++) assert.equal(bench.get('a', i), String(i))
  assert.equal(bench.get('b', 6), 'x')
  assert.equal(bench.get('b'), undefined)
})

test('compacting the future, or what is compacted already, is refused', () => {
  const bench = new Bench()
  for (let i = 1; i <= 5; i++) bench.put('a', String(i))
  assert.equal(codeOf(bench.one({ kind: 'compact', revision: 6 })), 'BAD_REQUEST')
  assert.equal(codeOf(bench.one({ kind: 'compact', revision: 0 })), 'COMPACTED')
  bench.one({ kind: 'compact', revision: 5 })
  assert.equal(codeOf(bench.one({ kind: 'compact', revision: 5 })), 'COMPACTED')
  assert.equal(codeOf(bench.one({ kind: 'compact', revision: 4 })), 'COMPACTED')
})

test('compacting to the newest revision leaves no history', () => {
  const bench = new Bench()
  for (let i = 1; i <= 5; i++) bench.put('a\0', String(i))
  bench.one(del('a\0'))
  bench.put('b', '1')
  assert.equal(itemsLeft(bench), 5)
  assert.equal(bench.dump('d').length, 1)
  bench.one({ kind: 'compact', revision: 7 })
  assert.deepEqual(bench.dump('h'), [])
  assert.deepEqual(bench.dump('d'), [])
  assert.equal(bench.get('b'), '1')
})

test('what a slot supersedes takes a record for several puts, and so does its compaction', () => {
  const bench = new Bench()
  const value = 'v'.repeat(256)
  bench.batch(...Array.from({ length: 100 }, (_, i) => put(`bench/${i}`, value)))
  bench.view.reset()
  bench.batch(...Array.from({ length: 100 }, (_, i) => put(`bench/${i}`, value)))
  assert.ok(bench.view.puts <= 100 + 1 + 100 / 5, `${bench.view.puts} records`)
  bench.view.reset()
  bench.one({ kind: 'compact', revision: 200 })
  assert.equal(itemsLeft(bench), 0)
  assert.ok(bench.view.deletes <= 100 / 5, `${bench.view.deletes} records removed`)
})

test('a page that is compacted in part stays as it is', () => {
  const bench = new Bench()
  bench.batch(...Array.from({ length: 11 }, (_, i) => put('a', String(i))), del('a'))
  const before = bench.dump('h')
  assert.equal(before.length, 1)
  bench.one({ kind: 'compact', revision: 11 })
  assert.deepEqual(bench.dump('h'), before)
  assert.equal(bench.machine.isHistoryLeft, false)
  assert.equal(bench.get('a', 10), 'COMPACTED')
  assert.equal(bench.get('a', 11), '10')
  bench.one({ kind: 'compact', revision: 12 })
  assert.deepEqual([bench.dump('h'), bench.dump('d'), bench.dump('i')], [[], [], []])
})

/** Items of the history that are stored. */
function itemsLeft(bench: Bench): number {
  let items = 0
  for (const [, page] of bench.view.range(historyRange.start, historyRange.end)) {
    items += readHistoryPage(page).filter(({ kind }) => kind !== 'deletion').length
  }
  return items
}
/** Of one slot, in a page of small values. */
const pageItems = 80

test('a large compaction goes on in later slots of any kind, a bounded step in each', () => {
  const bench = new Bench()
  bench.batch(...Array.from({ length: 3001 }, (_, i) => put('a', String(i))))
  bench.one({ kind: 'compact', revision: 3001 })
  for (let left = 3000; left > 0; ) {
    const now = itemsLeft(bench)
    assert.ok(left - now >= Math.min(left, 256) && left - now < 256 + pageItems, `from ${left} to ${now}`)
    left = now
    assert.equal(bench.machine.isHistoryLeft, left > 0)
    assert.equal(bench.get('a', 1), 'COMPACTED')
    assert.equal(bench.get('a', 3001), '3000')
    bench.idle()
  }
  assert.deepEqual([bench.dump('h'), bench.dump('i')], [[], []])
  bench.view.reset()
  bench.idle()
  assert.deepEqual([bench.view.puts, bench.view.deletes], [1, 0])
})

test('a compaction goes on after a restart as if there had been none', () => {
  const [one, other] = [new Bench(), new Bench()]
  for (const bench of [one, other]) {
    bench.batch(...Array.from({ length: 1000 }, (_, i) => put(`k${i % 10}`, String(i))))
    bench.one({ kind: 'compact', revision: 900 })
  }
  for (let i = 0; i < 6; i++) {
    other.restart()
    one.idle()
    other.idle()
    assert.deepEqual(one.dump(), other.dump())
  }
})

test('removal keeps ahead of a history that grows as fast', () => {
  const bench = new Bench()
  bench.batch(...Array.from({ length: 4000 }, (_, i) => put('a', String(i))))
  bench.one({ kind: 'compact', revision: 4000 })
  const before = itemsLeft(bench)
  bench.batch(...Array.from({ length: 1000 }, () => put('a', 'x')))
  // The slot adds 1000 items and removes 256 + 2 * 1000 old ones.
  const removed = before + 1000 - itemsLeft(bench)
  assert.ok(removed >= 2256 && removed < 2256 + pageItems, `${removed} removed`)
})

test('an answer as of an earlier revision holds a thousand items, and says that there are more', () => {
  const bench = new Bench()
  bench.batch(...Array.from({ length: 1500 }, (_, i) => put(`k${String(i).padStart(4, '0')}`, '1')))
  const old = bench.machine.revision
  bench.put('k', '2')
  const list = (limit: number, revision?: number): unknown => {
    const answer = bench.list('', undefined, { limit, ...(revision !== undefined && { revision }) })
    return answer.kind === 'items' ? [answer.items.length, answer.more] : answer
  }
  assert.deepEqual(list(0, old), [1000, true])
  assert.deepEqual(list(1200, old), [1000, true])
  assert.deepEqual(list(1000, old), [1000, true])
  assert.deepEqual(list(10, old), [10, true])
  assert.deepEqual(list(0), [1501, false])
})

/** Keys that contain one another, and what sorts around the end mark. */
const fewKeys = ['a', 'a\0', 'a\0\x01', 'a\xff', 'b'].map(toKey)
const all = { start: '', end: undefined } as const
const steps = fc.oneof(fc.constantFrom(0, 1, 2), fc.nat(0x10000))
const operation = fc.record({
  key: fc.constantFrom(...fewKeys),
  kind: fc.constantFrom('put', 'put', 'delete', 'deleteRange'),
})
/** What one revision does: several changes of one key, too. */
const change = fc.record({
  step: steps,
  operations: fc.array(operation, { minLength: 1, maxLength: 4 }),
  isFlushed: fc.boolean(),
})

test('whatever the revisions, the history says what every key was at every revision', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40 }), fc.array(fc.nat(40), { maxLength: 6 }), (changes, picks) => {
      const base = new BaseView()
      const view = new Overlay(base)
      const kv = new Kv(view, { written() {}, deleted() {} })
      const states: { readonly revision: number; readonly items: ReadonlyMap<Key, Item> }[] = [
        { revision: 0, items: new Map() },
      ]
      let revision = 0
      for (const { step, operations, isFlushed } of changes) {
        revision += 1 + step
        for (const { key, kind } of operations) {
          if (kind === 'put') kv.put(key, Uint8Array.of(revision % 256), revision)
          else if (kind === 'delete') kv.delete(key, revision)
          else kv.deleteRange({ start: key, end: toKey('a\x80') }, revision)
        }
        kv.history.step(0)
        states.push({ revision, items: new Map([...kv.range(all)].map((item) => [item.key, item])) })
        if (!isFlushed) continue
        base.commit(view.take())
        view.settle()
      }
      for (const pick of [0, ...picks]) {
        const { revision: since, items } = states[pick % states.length] ?? assert.fail('no state')
        const until = states[(pick % states.length) + 1]?.revision ?? since + 1
        for (const at of [since, until - 1]) {
          assert.deepEqual([...kv.rangeAt(all, at)], [...items.values()])
          const some = { start: toKey('a\0'), end: toKey('b') }
          assert.deepEqual(
            [...kv.rangeAt(some, at)],
            [...items.values()].filter(({ key }) => key >= some.start && key < some.end),
          )
          for (const key of fewKeys) assert.deepEqual(kv.getAt(key, at), items.get(key))
        }
      }
      for (const key of fewKeys) {
        const gone = states.findLast(({ items }, at) => !items.has(key) && states[at - 1]?.items.has(key) === true)
        const found = kv.history.lastDeletion(key, 0, revision + 1) ?? 0
        // One that was made anew in the same revision counts, too.
        if (!kv.get(key)) assert.equal(found, gone?.revision ?? 0)
        else assert.ok(found >= (gone?.revision ?? 0))
      }
      // A compaction leaves nothing behind.
      kv.history.compact()
      for (let left = 0; left < 20; left++) kv.history.step(revision)
      assert.deepEqual([...view.range('d', 'j')], [])
    }),
    { numRuns: 2000 },
  )
})

for (const putsPerRevision of [1, 2, 3, 4, 5, 8]) {
  test(`what a key was is found in few steps, however often it was changed, ${putsPerRevision} times at once`, () => {
    const { kv, view, base } = stored()
    const key = toKey('a')
    const changed: number[] = []
    for (const step of [1, 10, 1000, 1]) {
      for (let count = 0; count < 500; count++) changed.push((changed.at(-1) ?? 0) + step)
    }
    const newest = changed.at(-1) ?? 0
    for (const [at, each] of changed.entries()) {
      // Several puts in one revision, as in a transaction: versions that nobody sees, those of milestones among them.
      const puts = at === 0 ? 1 : putsPerRevision
      for (let count = 0; count < puts; count++) kv.put(key, new Uint8Array(0), each)
      if (at % 50 === 49) kv.history.step(0)
      if (at % 100 === 99) flush(view, base)
    }
    const random = new Random(1)
    for (const at of [1, 2, 5, newest - 1, ...Array.from({ length: 100 }, () => random.integer(1, newest))]) {
      base.ranges = 0
      const wanted = changed[lowerBound(changed, at + 1, compareNumbers) - 1]
      assert.equal(kv.getAt(key, at)?.modRevision, wanted, `at ${at}`)
      // One for the deletions, one for the milestones, and four pages.
      assert.ok(base.ranges <= 6, `${base.ranges} steps to ${at}`)
    }
  })
}

test('one slot removes a bounded number of bytes, however large the values are', () => {
  const bench = new Bench()
  const value = 'v'.repeat(512 * 1024)
  for (let i = 0; i < 21; i++) bench.put('a', value)
  bench.one({ kind: 'compact', revision: 21 })
  for (let left = 20; left > 0; ) {
    const now = itemsLeft(bench)
    assert.ok(left - now > 0 && left - now <= 8, `from ${left} to ${now}`)
    left = now
    assert.equal(bench.machine.isHistoryLeft, left > 0)
    bench.idle()
  }
  assert.deepEqual([bench.dump('h'), bench.dump('i')], [[], []])
})

test('keys that were made and deleted since cost no look at their history', () => {
  const { kv, view, base } = stored()
  for (let at = 0; at < 100; at++) kv.put(toKey(`k${at}`), new Uint8Array(0), 10 + at)
  kv.deleteRange(all, 200)
  kv.history.step(0)
  flush(view, base)
  base.ranges = 0
  assert.deepEqual([...kv.rangeAt(all, 5)], [])
  // Besides the walks through keys and deletions, one for each key.
  assert.ok(base.ranges <= 100 + 40, `${base.ranges} walks`)
})

test('a compaction takes away a key that one revision replaced and deleted, with much in between, and again', () => {
  const view = new Overlay(new BaseView())
  const kv = new Kv(view, { written() {}, deleted() {} })
  const key = toKey('k')
  const others = Array.from({ length: 12 }, (_, at) => toKey(`${at}${'x'.repeat(1000)}`))
  for (const each of [key, ...others]) kv.put(each, new Uint8Array(0), 1)
  for (let again = 0; again < 2; again++) {
    kv.put(key, new Uint8Array(0), 2)
    for (const each of others) kv.delete(each, 2)
    kv.delete(key, 2)
    for (const each of others) kv.put(each, new Uint8Array(0), 2)
  }
  kv.history.step(0)
  assert.equal(kv.getAt(key, 1)?.modRevision, 1)
  kv.history.compact()
  kv.history.step(2)
  assert.deepEqual([...view.range('d', 'j')], [])
})

/** Counts the walks that begin in it: a page of the history is found by one. */
class CountingBase extends BaseView {
  ranges = 0

  override range(start: string, end: string | undefined): Generator<readonly [string, Uint8Array]> {
    this.ranges++
    return super.range(start, end)
  }
}

function stored(): { kv: Kv; view: Overlay; base: CountingBase } {
  const base = new CountingBase()
  const view = new Overlay(base)
  return { kv: new Kv(view, { written() {}, deleted() {} }), view, base }
}

function flush(view: Overlay, base: BaseView): void {
  base.commit(view.take())
  view.settle()
}

function codeOf(reply: Reply | { kind: string; code?: string }): string | undefined {
  return 'code' in reply ? reply.code : undefined
}
