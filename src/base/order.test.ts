import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareStrings, keyAfter } from './order.ts'

test('the key after another is the first of all that are above it', () => {
  for (const key of ['', 'a', 'a\0', 'a\xff']) {
    const above = [`${key}\0\0`, `${key}\0a`, `${key}\x01`, `${key}a`, `${key}\xff`, '\xff\xff\xff']
    assert.deepEqual([...above, keyAfter(key), key].sort(compareStrings).slice(0, 2), [key, keyAfter(key)])
  }
})
