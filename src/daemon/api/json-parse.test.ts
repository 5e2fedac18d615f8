import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PaxosError } from '../../base/error.ts'
import { type Json, parseJson } from './json-parse.ts'

function parse(text: string): unknown {
  return toPlain(parseJson(Buffer.from(text)))
}

function toPlain(value: Json): unknown {
  if (Array.isArray(value)) return value.map(toPlain)
  if (value instanceof Map) return Object.fromEntries([...value].map(([name, inner]) => [name, toPlain(inner)]))
  return value
}

test('what JSON.stringify writes is read back', () => {
  const options = { maxDepth: 4, noUnicodeString: false, stringUnit: 'grapheme' } as const
  fc.assert(
    fc.property(fc.jsonValue(options), fc.constantFrom(undefined, 2), (value, indent) => {
      const text = JSON.stringify(value, undefined, indent)
      assert.deepEqual(JSON.stringify(parse(text)), JSON.stringify(JSON.parse(text)))
    }),
  )
})

test('what JSON.parse refuses is refused, by an error that does not quote it', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'{}[],:"\\/truefalsn0123456789.eE+- \n\u0001u') }), (text) => {
      let valid = true
      try {
        JSON.parse(text)
      } catch {
        valid = false
      }
      try {
        parse(text)
        assert.ok(valid, `accepted: ${text}`)
      } catch (error) {
        assert.ok(error instanceof PaxosError && error.code === 'BAD_REQUEST', String(error))
        const strict = /twice|surrogate|nested/.test(error.message)
        assert.ok(!valid || strict, `refused: ${text}: ${error.message}`)
      }
    }),
    { numRuns: 5000 },
  )
})

test('escapes, surrogate pairs and raw text beyond ASCII are read', () => {
  assert.equal(parse('"\\u00e9\\n\\/\\ud83d\\ude00é😀"'), 'é\n/😀é😀')
})

test('names that are special to JavaScript are names like others', () => {
  const parsed = parseJson(Buffer.from('{"__proto__":1,"constructor":2}'))
  assert.ok(parsed instanceof Map)
  assert.deepEqual([...parsed.keys()], ['__proto__', 'constructor'])
})
