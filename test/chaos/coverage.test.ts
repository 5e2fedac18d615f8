import assert from 'node:assert/strict'
import { test } from 'node:test'
import { coverageProblems, type Done, wantedFaults } from './coverage.ts'

const whole: Done = {
  durationMs: 600_000,
  faults: Object.fromEntries([...wantedFaults.map((kind) => [kind, 1] as const), ['kill', 200]]),
  failpoints: { a: 1, b: 3 },
  slotsUnread: 0,
}

test('a ten-minute run that did everything is whole', () => {
  assert.deepEqual(coverageProblems(whole), [])
})

test('a ten-minute run that left something out says what', () => {
  const problems = (change: Partial<Done>): string => coverageProblems({ ...whole, ...change }).join()
  assert.match(problems({ faults: { ...whole.faults, kill: 199 } }), /199 kills, at least 200/)
  assert.match(problems({ faults: { ...whole.faults, restore: 0 } }), /never done: restore/)
  assert.match(problems({ failpoints: { a: 1, b: 0 } }), /never reached: b/)
  assert.match(problems({ slotsUnread: 1 }), /1 slots were truncated/)
})

test('a short run is a sample', () => {
  assert.deepEqual(coverageProblems({ ...whole, durationMs: 15_000, faults: {}, failpoints: { a: 0 } }), [])
})
