/**
 * Imported before every test (`node --import`): property tests draw the same values each time, so that what fails in one
 * run fails in all. PAXOS_PROPERTY_SEED searches elsewhere.
 */
import assert from 'node:assert/strict'
import fc from 'fast-check'

const seed = Number(process.env['PAXOS_PROPERTY_SEED'] ?? 1)
assert.ok(Number.isSafeInteger(seed), 'PAXOS_PROPERTY_SEED must be a whole number')
fc.configureGlobal({ seed })
