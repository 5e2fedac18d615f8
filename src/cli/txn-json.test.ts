import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PaxosError } from '../base/error.ts'
import { parseTxn } from './txn-json.ts'

test('a transaction in the form of the API is read', () => {
  const txn = parseTxn(
    '{"compare":[{"key":"a","target":"value","op":"=","operand64":"/w=="},{"key64":"/w==","target":"version","op":">","operand":3}],"then":[{"put":{"key":"a","value":"é"}}],"else":[{"get":{"prefix":"a","limit":2}},{"delete":{"start":"a","end":"b"}}]}',
  )
  assert.deepEqual(txn.compare?.[0], { key: Buffer.from('a'), target: 'value', op: '=', operand: Buffer.from([255]) })
  assert.deepEqual(txn.compare?.[1], { key: Buffer.from([255]), target: 'version', op: '>', operand: 3 })
  assert.deepEqual(txn.then, [{ put: { key: Buffer.from('a'), value: Buffer.from('é') } }])
  assert.deepEqual(txn.else, [
    { get: { prefix: Buffer.from('a'), limit: 2 } },
    { delete: { start: Buffer.from('a'), end: Buffer.from('b') } },
  ])
})

test('a mistake is named with its place', () => {
  for (const [text, wanted] of [
    ['{', /it is not JSON/],
    ['[]', /the transaction is not a JSON object/],
    ['{"if":[]}', /"if" in the transaction is none of compare, then, else/],
    ['{"then":{}}', /"then" is not a list/],
    ['{"then":[{}]}', /then\[0\] must hold one of put, get, delete/],
    ['{"then":[{"put":{"key":"a"}}]}', /"value" is missing in then\[0\]\.put/],
    ['{"then":[{"put":{"key":"a","value":1}}]}', /"value" in then\[0\]\.put is not text/],
    ['{"else":[{"get":{"key64":"?"}}]}', /"key64" in else\[0\]\.get is not base64/],
    ['{"else":[{"get":{"key":"a","limit":0}}]}', /"limit" in else\[0\]\.get is not a whole number/],
    [
      '{"compare":[{"key":"a","target":"size","op":"=","operand":1}]}',
      /"target" in compare\[0\] is none of value, version/,
    ],
    [
      '{"compare":[{"key":"a","target":"version","op":"=","operand":"1"}]}',
      /"operand" in compare\[0\] is not a whole number/,
    ],
  ] as const) {
    assert.throws(
      () => parseTxn(text),
      (error) => error instanceof PaxosError && wanted.test(error.message),
      text,
    )
  }
})
