import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { key } from '../../test/machine/arbitraries.ts'
import { awkwardKeys, toKey } from '../../test/machine/fixtures.ts'
import {
  deletionKey,
  deletionRange,
  deletionsEnd,
  historyEnd,
  historyKey,
  historyRange,
  keyOfDeletion,
  milestoneKey,
  milestonesFrom,
  readU64Text,
  repliesKey,
  repliesRange,
  revisionOfMark,
  slotOfReplies,
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

test('history sorts by revision, then by key', () => {
  fc.assert(
    fc.property(anyKey, anyKey, counter, fc.option(counter, { nil: undefined }), (a, b, r, s = r) => {
      assert.equal(historyKey(a, r) < historyKey(b, s), r === s ? a < b : r < s)
      const viewKey = historyKey(a, r)
      assert.ok(viewKey >= historyRange.start && viewKey < historyRange.end)
    }),
    { numRuns: 2000 },
  )
})

test('the history up to a revision holds that revision and none after it', () => {
  fc.assert(
    fc.property(anyKey, fc.nat(), fc.nat(), (a, r, upTo) => {
      assert.equal(historyKey(a, r) < historyEnd(upTo), r <= upTo)
    }),
  )
})

test('deletions sort by key, then by revision, and name both', () => {
  fc.assert(
    fc.property(anyKey, anyKey, anyKey, counter, counter, (a, b, end, r, s) => {
      const viewKey = deletionKey(a, r)
      assert.equal(viewKey < deletionKey(b, s), a === b ? r < s : a < b)
      assert.deepEqual([keyOfDeletion(viewKey), revisionOfMark(viewKey)], [a, r])
      assert.equal(viewKey < deletionsEnd(a), true)
      if (a < b) assert.equal(deletionsEnd(a) <= deletionKey(b, 0), true)
      const range = deletionRange({ start: b, end })
      assert.equal(viewKey >= range.start && viewKey < range.end, a >= b && a < end)
    }),
    { numRuns: 2000 },
  )
})

test('the milestones of a key are its own, from a revision on, and name theirs', () => {
  fc.assert(
    fc.property(anyKey, anyKey, fc.nat(), fc.nat(), (a, b, r, from) => {
      const { start, end } = milestonesFrom(b, from)
      const viewKey = milestoneKey(a, r)
      assert.equal(viewKey >= start && viewKey < end, a === b && r >= from)
      assert.equal(revisionOfMark(viewKey), r)
    }),
    { numRuns: 2000 },
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
  assert.equal(milestoneKey(toKey('\0'.repeat(1024)), 1).length, 2059)
})
