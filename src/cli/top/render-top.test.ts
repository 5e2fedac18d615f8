import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silent } from './member-sample.ts'
import { renderTop, topHeading, topLines } from './render-top.ts'

const busy = {
  ...{ ...silent, member: 'n1', endpoint: 'http://h:1', answers: true, role: 'leader' as const },
  ...{ writesPerSecond: 1234.4, writeMs: 4.031, writeP99Ms: 22.24, batch: 1.53, flushMs: 212, cpu: 0.333 },
}
const sample = {
  ...{ time: '2026-11-26T08:17:49.969Z', intervalMs: 1010, clusterId: 'c'.repeat(32), epoch: 3 },
  members: [busy, { ...silent, member: 'n2', endpoint: null }],
}

test('a picture fits the terminal, and says who is silent', () => {
  const lines = renderTop(sample, 200).split('\n')
  assert.equal(lines[0], `08:17:49, last 1.0 s: 2 members, 1 silent, epoch 3, cluster ${'c'.repeat(32)}`)
  assert.match(lines[3] ?? '', /^n1 +leader +1,234 +4\.03 +22\.2 +- +- +- +1\.5 +- +212 +- .* 33 %/)
  assert.match(lines[4] ?? '', /^n2 +no answer +\? +\?/)
  for (const width of [1, 20, 60, 80, 100]) {
    const narrow = renderTop(sample, width).split('\n')
    assert.ok(
      narrow.slice(2).every((line) => line.length <= Math.max(width, 4)),
      `${width}`,
    )
  }
})

test('lines have their values below the titles', () => {
  const [first = '', second = ''] = topLines(sample)
  const at = topHeading().indexOf('BATCH')
  assert.equal(first.slice(at, at + 5), '  1.5')
  assert.equal(second.slice(at, at + 5), '    ?')
})
