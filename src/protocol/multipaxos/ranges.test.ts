import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toSlot } from '../ids.ts'
import { toRanges } from './ranges.ts'

test('neighbours become one range, gaps and nothing stay what they are', () => {
  assert.deepEqual(toRanges([]), [])
  assert.deepEqual(toRanges([3, 4, 5, 9, 11, 12].map(toSlot)), [
    { from: 3, to: 6 },
    { from: 9, to: 10 },
    { from: 11, to: 13 },
  ])
})
