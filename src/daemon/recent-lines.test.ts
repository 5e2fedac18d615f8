import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RecentLines } from './recent-lines.ts'

test('the newest lines are kept, whole and in order', () => {
  const lines = new RecentLines(10)
  assert.equal(lines.text(), '')
  for (const line of ['1\n', '22\n', '333\n', '4\n']) lines.add(line)
  assert.equal(lines.text(), '22\n333\n4\n')
  for (let n = 0; n < 1000; n++) lines.add(`${n}\n`)
  assert.equal(lines.text(), '998\n999\n')
})

test('a line that is larger than all of it is not kept', () => {
  const lines = new RecentLines(10)
  lines.add('1\n')
  lines.add('a line of many words\n')
  assert.equal(lines.text(), '')
  lines.add('2\n')
  assert.equal(lines.text(), '2\n')
})
