import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PaxosError } from '../base/error.ts'
import { readLines } from './line-reader.ts'
import { BadRecord, parseRecord, type RecordOptions } from './record.ts'
import { formatRecord } from './record-writer.ts'

function parse(line: string | Uint8Array, options: RecordOptions = { format: 'ndjson' }) {
  const { key, value } = parseRecord(Buffer.from(line), options)
  return [Buffer.from(key).toString('latin1'), Buffer.from(value).toString('latin1')]
}

const anyBytes = fc.uint8Array({ minLength: 1, maxLength: 40 })

test('any key and value survive export and import as NDJSON', () => {
  fc.assert(
    fc.property(anyBytes, fc.uint8Array({ maxLength: 40 }), (key, value) => {
      const line = formatRecord({ key, value }, 'ndjson')
      assert.equal(line.indexOf(10), line.length - 1)
      const back = parseRecord(line.subarray(0, -1), { format: 'ndjson' })
      assert.deepEqual([Buffer.from(back.key), Buffer.from(back.value)], [Buffer.from(key), Buffer.from(value)])
    }),
  )
})

test('TSV keeps every byte that it can hold and refuses the rest', () => {
  fc.assert(
    fc.property(anyBytes, fc.uint8Array({ maxLength: 40 }), (key, value) => {
      const canHold = !key.includes(9) && !key.includes(10) && !value.includes(10)
      if (!canHold) {
        assert.throws(() => formatRecord({ key, value }, 'tsv'), PaxosError)
        return
      }
      const back = parseRecord(formatRecord({ key, value }, 'tsv').subarray(0, -1), { format: 'tsv' })
      assert.deepEqual([Buffer.from(back.key), Buffer.from(back.value)], [Buffer.from(key), Buffer.from(value)])
    }),
  )
})

test('a field of any object can be the key, with the line itself as the value', () => {
  const line = '{"Package": "bash",  "Version":"5.2"}'
  assert.deepEqual(parse(line, { format: 'ndjson', keyField: 'Package' }), ['bash', line])
  assert.deepEqual(parse('{"id":7}', { format: 'ndjson', keyField: 'id' }), ['7', '{"id":7}'])
})

test('keys can get a prefix', () => {
  assert.deepEqual(parse('a\tb', { format: 'tsv', keyPrefix: Buffer.from('pkg/') }), ['pkg/a', 'b'])
})

test('a bad line says what is wrong with it', () => {
  const cases: readonly (readonly [string | Uint8Array, RegExp])[] = [
    ['{', /not JSON/],
    ['[]', /not a JSON object/],
    ['{"value":"x"}', /"key" is missing/],
    ['{"key":"a"}', /"value" is missing/],
    ['{"key":"","value":"x"}', /the key is empty/],
    ['{"key":"a","value":{}}', /"value" is not text/],
    ['{"key":"a","value":"b","ttl":3}', /unknown field "ttl"; use --key-field/],
    ['{"key":"a","key64":"YQ==","value":""}', /both "key" and "key64"/],
    ['{"key64":"?","value":""}', /"key64" is not base64/],
    ['{"key":"\\ud800","value":""}', /unpaired surrogate/],
    [Buffer.from([0x7b, 0xff, 0x7d]), /not valid UTF-8/],
    [`{"key":"${'k'.repeat(1025)}","value":""}`, /the key has 1025 bytes, 1024 are allowed/],
  ]
  for (const [line, wanted] of cases) {
    assert.throws(
      () => parse(line),
      (error) => error instanceof BadRecord && wanted.test(error.message),
      String(line),
    )
  }
  const big = `{"key":"a","value":"${'v'.repeat(1024 * 1024 + 1)}"}`
  assert.throws(() => parse(big), /the value has 1048577 bytes/)
  assert.equal(parse(big.replace('vv', 'v'))[1]?.length, 1024 * 1024)
  assert.throws(() => parse('{"a":1}', { format: 'ndjson', keyField: 'b' }), /field "b" is missing/)
  assert.throws(() => parse('{"b":null}', { format: 'ndjson', keyField: 'b' }), /not text or a number/)
})

test('lines are the same however the input is cut into chunks', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 9 })), async (chunks) => {
      const whole = Buffer.concat(chunks)
      const wanted = whole.toString('latin1').split('\n')
      if (wanted.at(-1) === '') wanted.pop()
      const lines: string[] = []
      let end = 0
      for await (const line of readLines(from(chunks), { lineBytesMax: 1000 })) {
        lines.push(Buffer.from(line.bytes ?? []).toString('latin1'))
        assert.equal(line.number, lines.length)
        end = line.endOffset
      }
      assert.deepEqual(lines, wanted)
      assert.equal(end, whole.length)
    }),
  )
})

test('a line beyond the limit is passed over without being kept', async () => {
  const lines = []
  for await (const line of readLines(from([Buffer.from('aaaa'), Buffer.from('aa\nbb\n')]), { lineBytesMax: 4 }))
    lines.push(line)
  assert.deepEqual(
    lines.map((line) => [line.number, line.bytes?.toString(), line.endOffset]),
    [
      [1, undefined, 7],
      [2, 'bb', 10],
    ],
  )
})

async function* from(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks
}
