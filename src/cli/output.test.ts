import assert from 'node:assert/strict'
import { test } from 'node:test'
import { logHeading, renderLogLine } from './log-table.ts'
import { count, preview, printable, table, textOrBase64 } from './output.ts'
import { formatSeconds, Progress } from './progress.ts'

test('a table lines its columns up and leaves no spaces at the end', () => {
  const rows = [
    { a: 'x', n: 1 },
    { a: 'long one', n: 200 },
  ]
  const text = table(rows, [
    { title: 'NAME', value: (row) => row.a },
    { title: 'N', align: 'right', value: (row) => String(row.n) },
    { title: 'LAST', value: () => '' },
  ])
  assert.equal(text, 'NAME        N  LAST\nx           1\nlong one  200')
})

test('control characters in data do not reach the terminal', () => {
  assert.equal(printable('a\x1b[31m\n\t\0\x9b'), 'a\\x1b[31m\\n\\t\\0\\x9b')
  assert.equal(preview(Buffer.from('\x1b]0;x')), '\\x1b]0;x')
})

test('bytes are shown as text when they are text', () => {
  assert.equal(preview(Buffer.from('äöü')), 'äöü')
  assert.equal(preview(Buffer.from([0xff])), 'base64:/w==')
  assert.equal(preview(Buffer.from('abcdef'), 4), 'abc…')
  assert.deepEqual(textOrBase64('key', Buffer.from([0xff])), { key64: '/w==' })
  assert.deepEqual(textOrBase64('key', Buffer.from('\ufeffa')), { key: '\ufeffa' })
})

test('one thing is not counted as several', () => {
  assert.deepEqual([count(1, 'key'), count(0, 'key'), count(12_345, 'key')], ['1 key', '0 keys', '12,345 keys'])
})

test('a slot is shown with its commands in words', () => {
  const common = { slot: 7, epoch: 1, state: 'chosen', ballot: '3.1', kind: 'batch' } as const
  const commands = [
    { kind: 'put', key: 'a', valueBytes: 5, session: '9', seq: 2 },
    { kind: 'delete', key64: '/w==', ifVersion: 3 },
    { kind: 'deleteRange', start: 'a', end: 'b' },
    // biome-ignore lint/suspicious/noThenProperty: the word of the API; never awaited.
    { kind: 'txn', compare: [{}], then: [{}, {}], else: [] },
  ]
  assert.equal(
    renderLogLine({ ...common, commands }, 8),
    '       7      1       3.1  chosen     batch     put a (5 bytes) by 9:2; delete base64:/w== if version 3; deleteRange [a, b); txn 1 compare, 2 then, 0 else',
  )
  assert.match(renderLogLine({ ...common, commands }, 1), /put a \(5 bytes\) by 9:2; … 4 in all$/)
  const truncated = { slot: 0, upTo: 10, epoch: 1, state: 'truncated', ballot: null, kind: null } as const
  assert.match(renderLogLine(truncated, 1), /^ +0…9 +1 +- {2}truncated {2}-$/)
  assert.equal(logHeading.indexOf('STATE'), renderLogLine(common as never, 1).indexOf('chosen'))
})

test('progress tells count, rate, share and time left', () => {
  let now = 0
  const state = { records: 0, bad: 0, fraction: 0 }
  const progress = new Progress({
    verb: 'imported',
    stream: process.stderr,
    silent: true,
    state: () => state,
    now: () => now,
  })
  now = 4000
  Object.assign(state, { records: 40_000, bad: 1, fraction: 0.25 })
  assert.equal(progress.line(), 'imported 40,000 records, 10,000/s, 1 bad line, 25 %, 12 s left')
  assert.deepEqual(
    [formatSeconds(59.5), formatSeconds(61), formatSeconds(3700)],
    ['1 min 0 s', '1 min 1 s', '1 h 1 min'],
  )
})
