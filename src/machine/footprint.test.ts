import assert from 'node:assert/strict'
import { test } from 'node:test'
import { del, put, stamp, toKey, txn } from '../../test/machine/fixtures.ts'
import { footprint, keyRange } from './footprint.ts'
import type { Command } from './request.ts'

const of = (command: Command): ReturnType<typeof footprint> => footprint({ session: undefined, command })
const a = keyRange(toKey('a'))
const b = keyRange(toKey('b'))
const range = { start: 'c', end: 'd' }

test('a single write reads and writes its key', () => {
  const wanted = { reads: [a], writes: [a], session: undefined, global: false }
  assert.deepEqual(of(put('a', '1')), wanted)
  assert.deepEqual(of(del('a', 3)), wanted)
  assert.deepEqual(of({ kind: 'deleteRange', range }), { ...wanted, reads: [range], writes: [range] })
})

test('a transaction touches what it compares and what either branch may do', () => {
  const command = txn(
    [{ key: toKey('a'), target: 'version', op: '=', operand: 0 }],
    [{ kind: 'put', key: toKey('b'), value: new Uint8Array(0) }],
    [{ kind: 'get', range, limit: 0 }],
  )
  assert.deepEqual(of(command), { reads: [a, b, range], writes: [b], session: undefined, global: false })
})

test('a session is part of the footprint, and what no key stands for meets everything', () => {
  assert.equal(footprint({ session: stamp(7, 1), command: put('a', '1') }).session, 7)
  assert.equal(footprint({ session: stamp(7, 1), command: { kind: 'keepAlive' } }).session, 7)
  assert.equal(of({ kind: 'compact', revision: 1 }).global, true)
  assert.equal(of({ kind: 'openSession', ttlMs: 1000 }).global, true)
})

test('the range of a key holds that key alone', () => {
  assert.equal('a' >= a.start && 'a' < (a.end ?? ''), true)
  assert.equal('a\0' < (a.end ?? ''), false)
})
