import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random } from '../../base/random.ts'
import { Histogram } from './histogram.ts'

test('percentiles are those of the sorted values, to a fifth of a percent', () => {
  const random = new Random(1)
  const histogram = new Histogram()
  const values = Array.from({ length: 20_000 }, () => Math.floor(10 ** (random.next() * 9)))
  for (const value of values) histogram.record(value)
  values.sort((a, b) => a - b)
  for (const percent of [0.01, 1, 25, 50, 90, 99, 99.9, 99.99, 100]) {
    const exact = values[Math.ceil((values.length * percent) / 100) - 1] ?? 0
    const found = histogram.percentile(percent)
    assert.ok(found >= exact && found <= exact * 1.002 + 1, `${percent}: ${found} for ${exact}`)
  }
  assert.equal(histogram.max, values.at(-1))
  assert.equal(histogram.count, values.length)
})

test('an empty histogram has zeros, and values beyond the largest count as the largest', () => {
  const histogram = new Histogram()
  assert.deepEqual([histogram.percentile(50), histogram.max, histogram.mean, histogram.count], [0, 0, 0, 0])
  histogram.record(2 ** 40)
  histogram.record(-5)
  assert.deepEqual([histogram.max, histogram.percentile(50), histogram.percentile(100)], [2 ** 32 - 1, 0, 2 ** 32 - 1])
})

test('histograms add up', () => {
  const [low, high] = [new Histogram(), new Histogram()]
  for (let value = 1; value <= 100; value++) (value <= 90 ? low : high).record(value)
  low.add(high)
  assert.deepEqual([low.count, low.max, low.mean, low.percentile(95)], [100, 100, 50.5, 95])
})

// The example and the figures of HdrHistogram's own tests.
test('a standstill of 100 s after 10,000 answers within 1 ms counts with what it held back', () => {
  const raw = new Histogram()
  raw.record(1000, 10_000)
  raw.record(100_000_000)
  assert.equal(raw.percentile(99.99), 1000)
  const corrected = raw.correctedFor(10_000)
  assert.equal(corrected.count, 20_000)
  const near = (percent: number, wanted: number): void => {
    const found = corrected.percentile(percent)
    assert.ok(Math.abs(found / wanted - 1) < 0.003, `${percent}: ${found}, wanted ${wanted}`)
  }
  near(50, 1000)
  near(75, 50_000_000)
  near(90, 80_000_000)
  near(99, 98_000_000)
  near(100, 100_000_000)
  assert.equal(raw.count, 10_001)
})
