import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseExposition, riseOf, spreadOf, sumOf } from './exposition.ts'

const text = (requests: number, fast: number, slow: number): string => `# HELP a_total things
# TYPE a_total counter
a_total{outcome="replied",member="n\\"1"} ${requests}
a_total{outcome="failed"} 2
b_seconds_bucket{le="0.001"} ${fast}
b_seconds_bucket{le="0.01"} ${fast + slow}
b_seconds_bucket{le="+Inf"} ${fast + slow}
b_seconds_sum ${fast * 0.0005 + slow * 0.005}
b_seconds_count ${fast + slow}
not a metric
up 1
nan NaN
`

test('counters are summed over their labels, and what is no metric is left out', () => {
  const scrape = parseExposition(text(5, 0, 0), 7)
  assert.equal(scrape.at, 7)
  assert.equal(sumOf(scrape, 'a_total'), 7)
  assert.equal(sumOf(scrape, 'a_total', ['outcome', 'failed']), 2)
  assert.equal(sumOf(scrape, 'up'), 1)
  for (const name of ['not', 'nan', 'c_total']) assert.equal(sumOf(scrape, name), undefined)
})

test('a counter rises, and one that began again says nothing', () => {
  const [before, after] = [parseExposition(text(5, 0, 0), 0), parseExposition(text(9, 0, 0), 0)]
  assert.equal(riseOf(before, after, 'a_total'), 4)
  assert.equal(riseOf(after, before, 'a_total'), undefined)
  assert.equal(riseOf(before, after, 'c_total'), undefined)
})

test('a histogram says what came between two scrapes', () => {
  const at = (fast: number, slow: number) => parseExposition(text(0, fast, slow), 0)
  assert.deepEqual(spreadOf(at(10, 5), at(10, 5), 'b_seconds'), { count: 0, mean: null, p99: null })
  const fast = spreadOf(at(1000, 1000), at(1100, 1000), 'b_seconds')
  assert.equal(fast?.count, 100)
  assert.ok(Math.abs((fast?.mean ?? 0) - 0.0005) < 1e-9)
  assert.ok(Math.abs((fast?.p99 ?? 0) - 0.00099) < 1e-9)
  const slow = spreadOf(at(0, 0), at(90, 10), 'b_seconds')
  assert.ok(Math.abs((slow?.p99 ?? 0) - 0.0091) < 1e-9)
  assert.equal(spreadOf(at(5, 5), at(0, 0), 'b_seconds'), undefined)
  assert.equal(spreadOf(at(0, 0), at(1, 1), 'c_seconds'), undefined)
})
