/** A bounded share of `npm run fuzz`, and grammars that make hostile input from nothing. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { PaxosError } from '../../src/base/error.ts'
import { parseJson } from '../../src/daemon/api/json-parse.ts'
import { readTxn } from '../../src/daemon/api/txn-json.ts'
import { loadNodeConfig } from '../../src/daemon/config.ts'
import { limitSettings, nodeSettings } from '../../src/daemon/config-table.ts'
import { type CborValue, decodeCbor, encodeCbor } from '../../src/wire/cbor.ts'
import { fuzz } from './fuzz.ts'
import { hostileCbor, hostileJson, hostileSetting } from './grammars.ts'

const seed = 20_261_124

test('tens of thousands of damaged messages crash, hang and bloat nothing that reads them', () => {
  const report = fuzz({ frames: 60_000, seed })
  assert.deepEqual(report.problems, [])
  for (const [name, { taken, accepted }] of Object.entries(report.targets)) {
    assert.ok(taken > 1000, `${name} took ${taken}`)
    // Damage that never gets past the first check would test little else.
    assert.ok(accepted > 0, `${name} accepted nothing`)
  }
})

test('what passes the pre-scan is plain, and the only encoding of its value', () => {
  let accepted = 0
  fc.assert(
    fc.property(hostileCbor, (bytes) => {
      let value: unknown
      try {
        value = decodeCbor(bytes)
      } catch (error) {
        assert.ok(error instanceof PaxosError && error.code === 'BAD_FRAME', String(error))
        return
      }
      accepted++
      assert.ok(isPlain(value), `${Buffer.from(bytes).toString('hex')} became ${String(value)}`)
      assert.deepEqual(new Uint8Array(encodeCbor(value)), new Uint8Array(bytes))
    }),
    { seed, numRuns: 5000 },
  )
  assert.ok(accepted > 50, `only ${accepted} were accepted`)
})

test('a JSON body of any shape is a transaction or a bad request', () => {
  fc.assert(
    fc.property(hostileJson, (text) => {
      try {
        readTxn(parseJson(new Uint8Array(Buffer.from(text, 'utf8'))))
      } catch (error) {
        assert.ok(error instanceof PaxosError, String(error))
        assert.match(error.code, /^(BAD_REQUEST|TOO_LARGE)$/)
      }
    }),
    { seed, numRuns: 2000 },
  )
})

test('a configuration of any content is taken or refused in words, from flags, environment and file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'paxos-fuzz-'))
  const file = join(folder, 'paxos.json')
  const names = [...Object.keys(nodeSettings), ...Object.keys(limitSettings).map((key) => `limits.${key}`)]
  const base = { name: 'n1', dataDir: 'd', bootstrapMembers: 'n1=127.0.0.1:7701', clusterToken: 'token' }
  const name = fc.oneof(fc.constantFrom(...names), fc.string({ maxLength: 12 }))
  try {
    fc.assert(
      fc.property(fc.array(fc.tuple(name, hostileSetting), { maxLength: 4 }), fc.nat(3), (given, where) => {
        const text = given.map(
          ([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)] as const,
        )
        const set = where === 0 ? text.map(([key, value]) => `${key}=${value}`) : []
        const env = where === 1 ? Object.fromEntries(text.map(([key, value]) => [`PAXOS_${key}`, value])) : {}
        const settings = where === 2 ? { ...base, ...Object.fromEntries(text) } : base
        writeFileSync(file, where === 3 ? JSON.stringify({ node: Object.fromEntries(given) }) : '{}')
        try {
          loadNodeConfig({ settings, set, file }, env, folder)
        } catch (error) {
          assert.ok(error instanceof PaxosError, error instanceof Error ? error.stack : String(error))
          assert.equal(error.code, 'BAD_CONFIG')
        }
      }),
      { seed, numRuns: 800 },
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

function isPlain(value: unknown): value is CborValue {
  if (value === null || value instanceof Uint8Array) return true
  if (Array.isArray(value)) return value.every(isPlain)
  return typeof value === 'string' || typeof value === 'boolean' || Number.isSafeInteger(value)
}
