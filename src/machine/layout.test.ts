import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { key } from '../../test/machine/arbitraries.ts'
import { awkwardKeys, toKey } from '../../test/machine/fixtures.ts'
import {
  compactionKey,
  compactionRange,
  historyEnd,
  historyKey,
  historyRange,
  keyOfHistory,
  keyOfIndex,
  readU64Text,
  repliesKey,
  repliesRange,
  slotOfReplies,
  supersededAtOf,
  supersededAtOfIndex,
  u64Text,
} from './layout.ts'

const anyKey = fc.oneof(key, fc.constantFrom(...awkwardKeys.map(toKey)))
const counter = fc.maxSafeNat()

test('integers as text sort as they do as numbers, and come back', () => {
  fc.assert(
    fc.property(counter, counter, (a, b) => {
      assert.equal(readU64Text(u64Text(a), 0), a)
      assert.equal(u64Text(a) < u64Text(b), a < b)
    }),
  )
})

test('history sorts by key, then by revision', () => {
  fc.assert(
    fc.property(anyKey, anyKey, counter, counter, (a, b, r, s) => {
      const wanted = a === b ? r < s : a < b
      assert.equal(historyKey(a, r) < historyKey(b, s), wanted)
      assert.equal(historyKey(a, r) < historyEnd(a), true)
      if (a < b) assert.equal(historyEnd(a) <= historyKey(b, 0), true)
    }),
    { numRuns: 2000 },
  )
})

test('a history key names its key and revision, and so does the page of the index that begins with it', () => {
  fc.assert(
    fc.property(anyKey, counter, (a, r) => {
      const viewKey = historyKey(a, r)
      assert.equal(keyOfHistory(viewKey), a)
      assert.equal(supersededAtOf(viewKey), r)
      assert.equal(keyOfIndex(compactionKey(r, a)), a)
      assert.equal(supersededAtOfIndex(compactionKey(r, a)), r)
    }),
  )
})

test('a range of keys holds the history of exactly these keys', () => {
  fc.assert(
    fc.property(anyKey, anyKey, anyKey, counter, (a, start, end, r) => {
      const bounds = historyRange({ start, end })
      const viewKey = historyKey(a, r)
      assert.equal(viewKey >= bounds.start && viewKey < bounds.end, a >= start && a < end)
    }),
    { numRuns: 2000 },
  )
})

test('the index up to a revision holds that revision and none after it', () => {
  fc.assert(
    fc.property(anyKey, fc.nat(), fc.nat(), (a, r, upTo) => {
      const { start, end } = compactionRange(upTo)
      const viewKey = compactionKey(r, a)
      assert.equal(viewKey >= start && viewKey < end, r <= upTo)
    }),
  )
})

test('the replies of a session are its own and in the order of slots', () => {
  const { start, end } = repliesRange(7)
  assert.ok(repliesKey(7, 0) >= start && repliesKey(7, 2 ** 52) < end)
  assert.ok(repliesKey(6, 2 ** 52) < start && repliesKey(8, 0) >= end)
  assert.ok(repliesKey(7, 255) < repliesKey(7, 256))
  assert.equal(slotOfReplies(repliesKey(7, 256)), 256)
})

test('the longest key of a view is within 2100 bytes', () => {
  assert.equal(historyKey(toKey('\0'.repeat(1024)), 1).length, 2059)
})
