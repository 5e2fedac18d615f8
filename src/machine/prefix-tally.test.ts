import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type HistoryEntry, historyPages } from './history-page.ts'
import {
  deletionKey,
  garbageKey,
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

const key = (text: string): Key => text as Key

test('records are told apart by kind, and those of keys by prefix', () => {
  const tally = new SpaceTally('', 1)
  tally.add(itemKey(key('a/1')), 10)
  tally.add(itemKey(key('a/2')), 10)
  tally.add(itemKey(key('b')), 5)
  tally.add(deletionKey(key('gone'), 9), 0)
  tally.add(sessionKey(1), 24)
  tally.add(repliesKey(1, 5), 50)
  tally.add(garbageKey(2), 0)
  tally.add(trailKey('admin', 1), 80)
  tally.add(trailKey('writes', 2), 90)
  tally.add(trailExtentsKey, 48)
  tally.add(metaKey, 60)
  assert.equal(addHistory(tally), 2)
  assert.deepEqual(tally.items, { count: 3, bytes: 4 + 10 + 4 + 10 + 2 + 5 })
  assert.deepEqual(tally.history, { count: 2, bytes: 15 + 15 + (15 + 4 + 100) + (15 + 6 + 40) + (15 + 6) })
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

test('of a page of the history only what is of the prefix counts', () => {
  const tally = new SpaceTally('gone', 1)
  assert.equal(addHistory(tally), 1)
  assert.deepEqual(tally.history, { count: 1, bytes: 15 + 6 + 40 + 15 + 6 })
  assert.deepEqual(
    tally.prefixes.map(({ prefix, history }) => [prefix, history.count]),
    [['gone/', 1]],
  )
})

/** An item that was overwritten, and one that was deleted. */
function addHistory(tally: SpaceTally): number {
  const entries: HistoryEntry[] = [
    { supersededAt: 7, key: key('a/\x001'), kind: 'item', record: new Uint8Array(100) },
    { supersededAt: 8, key: key('gone/x'), kind: 'milestone', record: new Uint8Array(40) },
    { supersededAt: 8, key: key('gone/x'), kind: 'deletion', record: new Uint8Array(0) },
  ]
  let count = 0
  for (const [viewKey, page] of historyPages(entries)) count += tally.addHistory(viewKey, page)
  return count
}
