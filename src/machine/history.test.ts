import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Bench, del, put } from '../../test/machine/fixtures.ts'
import type { Reply } from './request.ts'

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
  assert.equal(bench.dump('h').length, 5)
  assert.equal(bench.dump('c').length, 5)
  bench.one({ kind: 'compact', revision: 7 })
  assert.deepEqual(bench.dump('h'), [])
  assert.deepEqual(bench.dump('c'), [])
  assert.equal(bench.get('b'), '1')
})

test('a large compaction goes on in later slots of any kind, a bounded step in each', () => {
  const bench = new Bench()
  bench.batch(...Array.from({ length: 3001 }, (_, i) => put('a', String(i))))
  bench.view.reset()
  bench.one({ kind: 'compact', revision: 3001 })
  // The records themselves, and the pages of the index that named them.
  const deletesMax = 256 + 8
  assert.ok(bench.view.deletes <= deletesMax)
  for (let left = 3000 - 256; left > 0; left -= 256) {
    assert.equal(bench.dump('h').length, left)
    assert.equal(bench.get('a', 1), 'COMPACTED')
    assert.equal(bench.get('a', 3001), '3000')
    bench.view.reset()
    bench.idle()
    assert.ok(bench.view.deletes <= deletesMax)
  }
  assert.deepEqual([bench.dump('h'), bench.dump('c')], [[], []])
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
  const before = bench.dump('h').length
  bench.batch(...Array.from({ length: 1000 }, () => put('a', 'x')))
  // The slot adds 1000 records and removes 256 + 2 * 1000 old ones.
  assert.equal(bench.dump('h').length, before + 1000 - 2256)
})

function codeOf(reply: Reply | { kind: string; code?: string }): string | undefined {
  return 'code' in reply ? reply.code : undefined
}
