import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RecentFlushes } from './recent-flushes.ts'

test('flushes are summed up by their 99th percentile and maximum', () => {
  const flushes = new RecentFlushes(() => 0)
  assert.deepEqual(flushes.summary(), { count: 0, p99Ms: null, maxMs: null })
  for (let ms = 1; ms <= 200; ms++) flushes.note(ms)
  assert.deepEqual(flushes.summary(), { count: 200, p99Ms: 198, maxMs: 200 })
})

test('what is older than a minute does not count any more', () => {
  let now = 0
  const flushes = new RecentFlushes(() => now)
  flushes.note(500)
  now = 30_000
  flushes.note(1)
  now = 60_001
  assert.deepEqual(flushes.summary(), { count: 1, p99Ms: 1, maxMs: 1 })
})

test('of very many only the newest are kept', () => {
  const flushes = new RecentFlushes(() => 0)
  flushes.note(1000)
  for (let n = 0; n < 8192; n++) flushes.note(2)
  assert.deepEqual(flushes.summary(), { count: 8192, p99Ms: 2, maxMs: 2 })
})
