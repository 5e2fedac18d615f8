import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ContentCount } from './content-count.ts'

const none = { count: 0, bytes: 0 }
const one = { count: 1, bytes: 10 }

function pageOf(...prefixes: readonly string[]): Parameters<ContentCount['add']>[0] {
  const items = { count: prefixes.length, bytes: 10 * prefixes.length }
  return {
    ...{ records: prefixes.length, revision: 7, items, history: none, sessions: none, audit: none, other: none },
    prefixes: prefixes.map((prefix) => ({ prefix, items: one, history: none })),
  }
}

test('pages add up, and the largest prefix comes first', () => {
  const count = new ContentCount(0, 2)
  count.add(pageOf('a/', 'a/b/', 'é/'))
  count.add(pageOf('é/', 'c/'))
  assert.equal(count.records, 5)
  assert.deepEqual(count.items, { count: 5, bytes: 50 })
  assert.deepEqual(
    count.prefixes().map(({ prefix, items }) => [prefix, items.count]),
    [
      ['é/', 2],
      ['a/', 1],
      ['a/b/', 1],
      ['c/', 1],
    ],
  )
})

test('too many prefixes count together by a segment less, and by none at the end', () => {
  const count = new ContentCount(2, 2, 3)
  count.add(pageOf('u/1/a/', 'u/1/b/', 'u/2/a/'))
  assert.equal(count.depth, 2)
  count.add(pageOf('u/2/b/'))
  assert.equal(count.depth, 1)
  assert.deepEqual(
    count.prefixes().map(({ prefix, items }) => [prefix, items.count]),
    [
      ['u/1/', 2],
      ['u/2/', 2],
    ],
  )
  count.add(pageOf('u/3/', 'u/4/'))
  assert.equal(count.depth, 0)
  assert.deepEqual(
    count.prefixes().map(({ prefix, items }) => [prefix, items.count]),
    [['u/', 6]],
  )
})
