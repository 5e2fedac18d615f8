import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareWithBaseline, renderComparison } from '../../bench/regression.ts'

test('every piece runs and has a baseline; how fast it is now is told, not judged', (t) => {
  const comparisons = compareWithBaseline()
  for (const line of renderComparison(comparisons).split('\n')) t.diagnostic(line)
  for (const { name, now, baseline } of comparisons) {
    assert.ok(Number.isFinite(now) && now > 0, `${name} did nothing`)
    assert.ok(baseline !== undefined && baseline > 0, `${name} has no baseline: node bench/regression.ts --write`)
  }
})
