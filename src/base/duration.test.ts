import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatDuration, parseDuration } from './duration.ts'

test('durations are said in the unit in which they are typed', () => {
  const said = [0, 1, 1500, 2000, 90_000, 120_000, 7_200_000, 86_400_000, 30 * 86_400_000].map(formatDuration)
  assert.deepEqual(said, ['0ms', '1ms', '1500ms', '2s', '90s', '2m', '2h', '1d', '30d'])
  for (const text of said) assert.equal(formatDuration(parseDuration(text) ?? -1), text)
})

test('a duration has a unit, unless there is one for bare numbers', () => {
  assert.deepEqual([parseDuration('1.5h'), parseDuration(' 10s '), parseDuration('3', 's')], [5_400_000, 10_000, 3000])
  for (const text of ['', 's', '3', '-1s', '1 h', '1w', '1h30m', '1e3s'])
    assert.equal(parseDuration(text), undefined, text)
})
