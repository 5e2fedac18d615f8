import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toIncarnation, toNodeId } from '../protocol/ids.ts'
import { type CborValue, decodeCbor, encodeCbor, readArray } from './cbor.ts'
import { decodeHello, decodeWelcome, encodeHello, encodeWelcome, type Hello, helloBytesMax } from './hello.ts'

const hello: Hello = {
  versionMin: 1,
  versionMax: 3,
  clusterId: '5f2c',
  nodeId: toNodeId(2),
  name: 'n2',
  incarnation: toIncarnation(7),
  diskId: 'd',
  incarnationId: 'b',
  earlierIncarnations: [
    { incarnation: toIncarnation(5), incarnationId: 'y' },
    { incarnation: toIncarnation(6), incarnationId: 'z' },
  ],
  clientAddress: '127.0.0.1:7602',
  version: '0.1.0',
  featureLevels: { min: 1, max: 3 },
  foundedLevel: 2,
}

test('a hello comes back as it went', () => {
  assert.deepEqual(decodeHello(encodeHello(hello)), hello)
})

test('a welcome comes back as it went', () => {
  const { versionMin: _, versionMax: __, ...identity } = hello
  const accepted = { ...identity, kind: 'accepted', protocolVersion: 1 } as const
  assert.deepEqual(decodeWelcome(encodeWelcome(accepted)), accepted)
  const refused = { kind: 'refused', code: 'WRONG_CLUSTER', message: 'no' } as const
  assert.deepEqual(decodeWelcome(encodeWelcome(refused)), refused)
})

test('a later version may add fields to a hello', () => {
  const fields = readArray(decodeCbor(encodeHello(hello)), 'hello') as readonly CborValue[]
  assert.deepEqual(decodeHello(encodeCbor([...fields, 'new', 5])), hello)
})

test('a version that said less had one feature level, remembered no incarnations, and began nobody knows at which', () => {
  const fields = readArray(decodeCbor(encodeHello(hello)), 'hello') as readonly CborValue[]
  const one = { min: 1, max: 1 }
  assert.deepEqual(decodeHello(encodeCbor(fields.slice(0, -1))), { ...hello, foundedLevel: 0 })
  assert.deepEqual(decodeHello(encodeCbor(fields.slice(0, -3))), { ...hello, featureLevels: one, foundedLevel: 0 })
  assert.deepEqual(decodeHello(encodeCbor(fields.slice(0, 10))), {
    ...hello,
    featureLevels: one,
    foundedLevel: 0,
    earlierIncarnations: [],
  })
})

test('a refusal with a code of a later version still says why', () => {
  assert.deepEqual(decodeWelcome(encodeCbor([1, 'FULL_MOON', 'wait'])), {
    kind: 'refused',
    code: undefined,
    message: 'wait',
  })
})

test('the longest hello fits before anything is judged', () => {
  const long: Hello = {
    ...hello,
    clusterId: 'ä'.repeat(128),
    name: 'ä'.repeat(128),
    diskId: 'ä'.repeat(128),
    incarnationId: 'ä'.repeat(128),
    clientAddress: 'ä'.repeat(300),
    version: 'ä'.repeat(128),
    // As a directory keeps them.
    earlierIncarnations: Array.from({ length: 48 }, (_, at) => ({
      incarnation: toIncarnation(2 ** 40 + at),
      incarnationId: 'f'.repeat(16),
    })),
  }
  const bytes = encodeHello(long)
  assert.ok(bytes.length <= helloBytesMax)
  assert.deepEqual(decodeHello(bytes), long)
})

test('control characters of a stranger do not reach logs and terminals', () => {
  const { name } = decodeHello(encodeHello({ ...hello, name: 'n\n2\u001b[31m\u202e' }))
  assert.equal(name, 'n\ufffd2\ufffd[31m\ufffd')
})

test('a hello out of range is refused', () => {
  for (const bad of [
    { ...hello, versionMin: 4 },
    { ...hello, featureLevels: { min: 0, max: 1 } },
    { ...hello, featureLevels: { min: 2, max: 1 } },
    { ...hello, name: 'x'.repeat(129) },
    { ...hello, clientAddress: 'x'.repeat(301) },
  ]) {
    assert.throws(() => decodeHello(encodeHello(bad)), { code: 'BAD_FRAME' })
  }
  const fields = readArray(decodeCbor(encodeHello(hello)), 'hello') as readonly CborValue[]
  assert.throws(() => decodeHello(encodeCbor(fields.with(3, 0))), { code: 'BAD_FRAME' })
  assert.throws(() => decodeHello(encodeCbor(fields.slice(0, 8))), { code: 'BAD_FRAME' })
})
