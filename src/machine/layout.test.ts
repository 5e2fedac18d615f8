import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { key } from '../../test/machine/arbitraries.ts'
import { awkwardKeys, toKey } from '../../test/machine/fixtures.ts'
import {
  blockOfHistory,
  compactionKey,
  compactionRange,
  deletionKey,
  deletionRange,
  deletionsEnd,
  historyBlock,
  historyBlockRevisions,
  historyFrom,
  historyKey,
  historyOf,
  historyRange,
  keyOfDeletion,
  keyOfHistory,
  keyOfIndex,
  kindOfIndex,
  readU64Text,
  repliesKey,
  repliesRange,
  revisionOfDeletion,
  slotOfReplies,
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

/** Revisions of few blocks, so that two of them often share one. */
const revision = fc.oneof(counter, fc.nat(3 * historyBlockRevisions))

test('history sorts by block, then by key, then by revision', () => {
  fc.assert(
    fc.property(anyKey, anyKey, revision, revision, (a, b, r, s) => {
      const [blockA, blockB] = [historyBlock(r), historyBlock(s)]
      const wanted = blockA !== blockB ? blockA < blockB : a === b ? r < s : a < b
      assert.equal(historyKey(a, r) < historyKey(b, s), wanted)
    }),
    { numRuns: 2000 },
  )
})

test('a history key names its key and block, and a page of the index the key and revision that it begins with', () => {
  fc.assert(
    fc.property(anyKey, revision, (a, r) => {
      const viewKey = historyKey(a, r)
      assert.equal(keyOfHistory(viewKey), a)
      assert.equal(blockOfHistory(viewKey), historyBlock(r))
      assert.equal(keyOfIndex(compactionKey(r, 'd', a)), a)
      assert.equal(supersededAtOfIndex(compactionKey(r, 'd', a)), r)
      assert.deepEqual([kindOfIndex(compactionKey(r, 'd', a)), kindOfIndex(compactionKey(r, 'h', a))], ['d', 'h'])
    }),
  )
})

test('a range of keys holds the history of exactly these keys in a block, and that of one key of no other', () => {
  fc.assert(
    fc.property(anyKey, anyKey, fc.option(anyKey, { nil: undefined }), revision, revision, (a, start, end, r, s) => {
      const viewKey = historyKey(a, r)
      const isIn = (bounds: { start: string; end: string }): boolean => viewKey >= bounds.start && viewKey < bounds.end
      const block = historyBlock(s)
      const inBlock = historyBlock(r) === block
      assert.equal(isIn(historyRange({ start, end }, block)), inBlock && a >= start && (end === undefined || a < end))
      assert.equal(isIn(historyOf(start, block)), inBlock && a === start)
      assert.equal(isIn(historyFrom(block)), historyBlock(r) >= block)
    }),
    { numRuns: 2000 },
  )
})

test('deletions sort by key, then by revision, and name both', () => {
  fc.assert(
    fc.property(anyKey, anyKey, anyKey, counter, counter, (a, b, end, r, s) => {
      const viewKey = deletionKey(a, r)
      assert.equal(viewKey < deletionKey(b, s), a === b ? r < s : a < b)
      assert.deepEqual([keyOfDeletion(viewKey), revisionOfDeletion(viewKey)], [a, r])
      assert.equal(viewKey < deletionsEnd(a), true)
      if (a < b) assert.equal(deletionsEnd(a) <= deletionKey(b, 0), true)
      const range = deletionRange({ start: b, end })
      assert.equal(viewKey >= range.start && viewKey < range.end, a >= b && a < end)
    }),
    { numRuns: 2000 },
  )
})

test('the index up to a revision holds that revision and none after it', () => {
  fc.assert(
    fc.property(anyKey, fc.nat(), fc.nat(), (a, r, upTo) => {
      const { start, end } = compactionRange(upTo)
      const viewKey = compactionKey(r, 'h', a)
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
  assert.equal(historyKey(toKey('\0'.repeat(1024)), 1).length, 2067)
})
