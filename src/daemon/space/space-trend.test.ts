import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SpaceTrend } from './space-trend.ts'

const minute = 60_000

test('a fall is known after five minutes', () => {
  const trend = new SpaceTrend()
  for (let n = 0; n < 5; n++) trend.note(n * minute, 1_000_000 - n * 60_000)
  assert.equal(trend.perSecond(), undefined)
  trend.note(5 * minute, 1_000_000 - 5 * 60_000)
  assert.equal(trend.perSecond(), -1000)
})

test('a rise is positive, and samples between two minutes do not count', () => {
  const trend = new SpaceTrend()
  for (let at = 0; at <= 6 * minute; at += 2000) trend.note(at, 1000 + at)
  assert.equal(trend.perSecond(), 1000)
})

test('what is older than an hour is forgotten', () => {
  const trend = new SpaceTrend()
  trend.note(0, 1_000_000_000)
  for (let n = 1; n <= 60; n++) trend.note(n * minute, 1000)
  assert.equal(trend.perSecond(), 0)
})
