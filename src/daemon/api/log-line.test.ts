import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toKey } from '../../../test/machine/fixtures.ts'
import { encodeBatch, encodeRequest } from '../../machine/command-codec.ts'
import type { Command } from '../../machine/request.ts'
import { firstEpoch, toSlot } from '../../protocol/ids.ts'
import type { LogLine } from '../../runtime/replica-service.ts'
import { logLineJson } from './log-line.ts'

function chosen(command: Command): LogLine {
  const payload = encodeBatch(7, [encodeRequest({ session: undefined, command })])
  return {
    slot: toSlot(3),
    epoch: firstEpoch,
    state: 'chosen',
    ballot: { round: 2, node: 1 },
    entry: { kind: 'batch', payload },
  }
}

const key = toKey('a')
const put: Command = { kind: 'put', key, value: Buffer.from('v'), ifVersion: undefined }

test('an entry that was learned and not voted for has no ballot', () => {
  assert.equal(logLineJson(chosen(put), false).ballot, '2.1')
  assert.equal(logLineJson({ ...chosen(put), ballot: { round: 0, node: 0 } }, false).ballot, null)
})

test('a transaction is shown with what it compares to; values only when they are asked for', () => {
  const compare = [
    { key, target: 'version', op: '=', operand: 4 },
    { key, target: 'value', op: '!=', operand: Buffer.from('old') },
  ] as const
  // biome-ignore lint/suspicious/noThenProperty: the word of the API; never awaited.
  const line = chosen({ kind: 'txn', compare, then: [], else: [] })
  const shown = (withValues: boolean): unknown => logLineJson(line, withValues).commands?.[0]?.['compare']
  assert.deepEqual(shown(false), [
    { key: 'a', target: 'version', op: '=', operand: 4 },
    { key: 'a', target: 'value', op: '!=', operandBytes: 3 },
  ])
  assert.deepEqual(shown(true), [
    { key: 'a', target: 'version', op: '=', operand: 4 },
    { key: 'a', target: 'value', op: '!=', operandBytes: 3, operand: 'old' },
  ])
})
