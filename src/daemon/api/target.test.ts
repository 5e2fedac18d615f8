import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PaxosError } from '../../base/error.ts'
import { parseInteger, percentDecode, QueryParameters } from './target.ts'

test('every byte string survives percent-encoding', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const binary = Buffer.from(bytes).toString('latin1')
      const encoded = [...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')
      assert.equal(percentDecode(encoded, 'it'), binary)
      assert.equal(percentDecode(encoded.toUpperCase(), 'it'), binary)
    }),
  )
})

test('percent-decoding agrees with decodeURIComponent on text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const bytes = Buffer.from(percentDecode(encodeURIComponent(text), 'it'), 'latin1')
      assert.equal(bytes.toString('utf8'), text)
    }),
  )
})

test('a plus is a space in a query, and a plus only when encoded', () => {
  const parameters = new QueryParameters('prefix=a+b%2Bc&end', ['prefix', 'end'])
  assert.equal(parameters.get('prefix'), 'a b+c')
  assert.equal(parameters.get('end'), '')
  assert.equal(parameters.has('start'), false)
})

test('integers are plain digits within their range', () => {
  assert.equal(parseInteger('9007199254740991', 'it', 0), Number.MAX_SAFE_INTEGER)
  for (const text of [
    '',
    ' 1',
    '+1',
    '-1',
    '01',
    '1e3',
    '0x1',
    '1.0',
    '9007199254740992',
    '99999999999999999999',
    '١',
  ]) {
    assert.throws(() => parseInteger(text, 'it', 0), PaxosError, text)
  }
  assert.throws(() => parseInteger('4', 'it', 5, 6), PaxosError)
})
