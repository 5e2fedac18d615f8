import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  compactionKey,
  deletionKey,
  garbageKey,
  historyKey,
  itemKey,
  metaKey,
  repliesKey,
  sessionKey,
  trailExtentsKey,
  trailKey,
} from './layout.ts'
import { prefixOf, SpaceTally } from './prefix-tally.ts'
import type { Key } from './request.ts'

test('a key belongs to its segments down to the depth, or to those that it has', () => {
  const cases: readonly (readonly [string, number, number, string])[] = [
    ['a/b/c', 0, 1, 'a/'],
    ['a/b/c', 0, 2, 'a/b/'],
    ['a/b/c', 0, 9, 'a/b/'],
    ['a/b/c', 2, 1, 'a/b/'],
    ['a/b/c', 3, 1, 'a/b/'],
    ['a/b/c', 4, 1, 'a/b/'],
    ['abc', 0, 1, ''],
    ['abc', 2, 3, 'ab'],
    ['/a', 0, 1, '/'],
    ['//a', 0, 2, '//'],
    ['a\0/\xff', 0, 1, 'a\0/'],
  ]
  for (const [key, from, depth, wanted] of cases) assert.equal(prefixOf(key, from, depth), wanted, key)
})

test('records are told apart by kind, and those of keys by prefix', () => {
  const tally = new SpaceTally(0, 1)
  const key = (text: string): Key => text as Key
  tally.add(itemKey(key('a/1')), 10)
  tally.add(itemKey(key('a/2')), 10)
  tally.add(itemKey(key('b')), 5)
  tally.add(historyKey(key('a/\x001'), 7), 100)
  tally.add(historyKey(key('gone/x'), 8), 1)
  tally.add(compactionKey(7, 'h', key('a/1')), 2)
  tally.add(deletionKey(key('gone'), 9), 0)
  tally.add(sessionKey(1), 24)
  tally.add(repliesKey(1, 5), 50)
  tally.add(garbageKey(2), 0)
  tally.add(trailKey('admin', 1), 80)
  tally.add(trailKey('writes', 2), 90)
  tally.add(trailExtentsKey, 48)
  tally.add(metaKey, 60)
  assert.deepEqual(tally.items, { count: 3, bytes: 4 + 10 + 4 + 10 + 2 + 5 })
  assert.deepEqual(tally.history, { count: 2, bytes: 24 + 100 + 25 + 1 + 13 + 2 + 15 })
  assert.deepEqual(tally.sessions, { count: 1, bytes: 9 + 24 + 17 + 50 + 9 })
  assert.deepEqual(tally.audit, { count: 2, bytes: 9 + 80 + 9 + 90 + 1 + 48 })
  assert.deepEqual(tally.other, { count: 1, bytes: 61 })
  assert.deepEqual(
    tally.prefixes.map(({ prefix, items, history }) => [prefix, items.count, history.count]),
    [
      ['a/', 2, 1],
      ['', 1, 0],
      ['gone/', 0, 1],
    ],
  )
})
