import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { query, request } from '../../test/machine/arbitraries.ts'
import { bytes, del, put, stamp, toKey, txn } from '../../test/machine/fixtures.ts'
import { decodeRequest, encodeRequest } from './command-codec.ts'
import { defaultRequestLimits, queryProblem, requestProblem } from './limits.ts'
import { decodeQuery, encodeQuery } from './reply-codec.ts'
import type { Command, Compare, Operation, SessionStamp } from './request.ts'

const limits = defaultRequestLimits
const codeOf = (command: Command, session?: SessionStamp): string | undefined =>
  requestProblem({ session, command }, limits)?.code
const putOperation = (key: string, value = ''): Operation => ({ kind: 'put', key: toKey(key), value: bytes(value) })

test('keys have 1 to 1024 bytes, of any value', () => {
  assert.equal(codeOf(put('\0/\xff', '')), undefined)
  assert.equal(codeOf(put('k'.repeat(1024), '')), undefined)
  assert.equal(codeOf(put('k'.repeat(1025), '')), 'TOO_LARGE')
  assert.equal(codeOf(put('', '')), 'BAD_REQUEST')
  assert.equal(codeOf(put('\u0100', '')), 'BAD_REQUEST')
  assert.equal(codeOf(del('')), 'BAD_REQUEST')
  assert.equal(codeOf(txn([], [putOperation('')])), 'BAD_REQUEST')
  assert.equal(codeOf(txn([{ key: toKey(''), target: 'version', op: '=', operand: 0 }], [])), 'BAD_REQUEST')
})

test('no configuration allows a key that the view could not hold', () => {
  const generous = { ...limits, keyBytesMax: 100_000, txnOperationsMax: 100_000 }
  const problem = requestProblem({ session: undefined, command: put('k'.repeat(1025), '') }, generous)
  assert.equal(problem?.code, 'TOO_LARGE')
  const operations = Array.from({ length: 1025 }, (_, i) => putOperation(String(i)))
  assert.equal(requestProblem({ session: undefined, command: txn([], operations) }, generous)?.code, 'TOO_LARGE')
})

test('values and requests end at their limits', () => {
  assert.equal(codeOf(put('k', new Uint8Array(1024 * 1024))), undefined)
  assert.equal(codeOf(put('k', new Uint8Array(1024 * 1024 + 1))), 'TOO_LARGE')
  const half = 'v'.repeat(768 * 1024 - 1)
  assert.equal(codeOf(txn([], [putOperation('a', half), putOperation('b', half)])), undefined)
  assert.equal(codeOf(txn([], [putOperation('a', half), putOperation('bb', half)])), 'TOO_LARGE')
  const large = new Uint8Array(1024 * 1024 + 1)
  assert.equal(codeOf(txn([{ key: toKey('a'), target: 'value', op: '=', operand: large }], [])), 'TOO_LARGE')
})

test('a transaction has at most 128 comparisons and 128 operations in each branch', () => {
  const operations = Array.from({ length: 128 }, (_, i) => putOperation(String(i)))
  const compare: Compare = { key: toKey('a'), target: 'version', op: '=', operand: 0 }
  assert.equal(codeOf(txn(Array(128).fill(compare), operations, operations)), undefined)
  assert.equal(codeOf(txn(Array(129).fill(compare), [])), 'TOO_LARGE')
  assert.equal(codeOf(txn([], [...operations, putOperation('x')])), 'TOO_LARGE')
  assert.equal(codeOf(txn([], [], [...operations, putOperation('x')])), 'TOO_LARGE')
})

test('a transaction may not put a key twice in one branch', () => {
  assert.equal(codeOf(txn([], [putOperation('a'), putOperation('a')])), 'BAD_REQUEST')
  assert.equal(codeOf(txn([], [putOperation('a')], [putOperation('a')])), undefined)
})

test('a range ends after its start', () => {
  const range = (start: string, end: string | undefined): string | undefined =>
    codeOf({ kind: 'deleteRange', range: { start, end } })
  assert.equal(range('', undefined), undefined)
  assert.equal(range('a', 'a\0'), undefined)
  assert.equal(range('a', 'a'), 'BAD_REQUEST')
  assert.equal(range('b', 'a'), 'BAD_REQUEST')
  assert.equal(range('', ''), 'BAD_REQUEST')
  assert.equal(range('k'.repeat(1024), `${'k'.repeat(1024)}\0`), undefined)
  assert.equal(range('', 'k'.repeat(1026)), 'TOO_LARGE')
  assert.equal(range('\u0100', undefined), 'BAD_REQUEST')
})

test('counters and limits are whole numbers', () => {
  for (const wrong of [-1, 0.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY]) {
    assert.equal(codeOf(put('a', '', wrong)), 'BAD_REQUEST')
    assert.equal(codeOf(del('a', wrong)), 'BAD_REQUEST')
    assert.equal(codeOf({ kind: 'compact', revision: wrong }), 'BAD_REQUEST')
    assert.equal(codeOf({ kind: 'openSession', ttlMs: wrong }), 'BAD_REQUEST')
    assert.equal(codeOf(put('a', ''), stamp(wrong, 0)), 'BAD_REQUEST')
    assert.equal(codeOf(put('a', ''), stamp(1, wrong)), 'BAD_REQUEST')
    assert.equal(codeOf({ kind: 'keepAlive' }, stamp(1, 0, wrong)), 'BAD_REQUEST')
    assert.equal(codeOf(txn([{ key: toKey('a'), target: 'version', op: '<', operand: wrong }], [])), 'BAD_REQUEST')
    assert.equal(codeOf(txn([], [{ kind: 'get', range: { start: '', end: undefined }, limit: wrong }])), 'BAD_REQUEST')
    assert.equal(queryProblem({ kind: 'get', key: toKey('a'), revision: wrong }, limits)?.code, 'BAD_REQUEST')
  }
})

test('an operand fits its target', () => {
  assert.equal(codeOf(txn([{ key: toKey('a'), target: 'value', op: '=', operand: 1 }], [])), 'BAD_REQUEST')
  assert.equal(codeOf(txn([{ key: toKey('a'), target: 'version', op: '=', operand: bytes('1') }], [])), 'BAD_REQUEST')
})

test('sessions go with the commands that want them, and acknowledge no more than they have', () => {
  assert.equal(codeOf({ kind: 'keepAlive' }), 'BAD_REQUEST')
  assert.equal(codeOf({ kind: 'closeSession' }), 'BAD_REQUEST')
  assert.equal(codeOf({ kind: 'keepAlive' }, stamp(1, 0, 9)), undefined)
  assert.equal(codeOf({ kind: 'openSession', ttlMs: 1000 }, stamp(1, 0)), 'BAD_REQUEST')
  assert.equal(codeOf({ kind: 'openSession', ttlMs: 1000 }), undefined)
  assert.equal(codeOf(put('a', ''), stamp(1, 5, 5)), undefined)
  assert.equal(codeOf(put('a', ''), stamp(1, 5, 6)), 'BAD_REQUEST')
})

test('what has no problem can be encoded and comes back', () => {
  fc.assert(
    fc.property(request, (each) => {
      fc.pre(requestProblem(each, limits) === undefined)
      assert.deepEqual(decodeRequest(encodeRequest(each)), each)
    }),
  )
  fc.assert(
    fc.property(query, (each) => {
      assert.equal(queryProblem(each, limits), undefined)
      assert.deepEqual(decodeQuery(encodeQuery(each)), each)
    }),
  )
})
