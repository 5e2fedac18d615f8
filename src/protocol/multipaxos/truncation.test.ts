import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Slot, toSlot } from '../ids.ts'
import { type TruncationInput, truncationPoint } from './truncation.ts'

function input(over: Partial<Record<keyof TruncationInput, unknown>>): TruncationInput {
  return {
    truncatedUpTo: toSlot(0),
    durableUpTo: toSlot(10_000),
    members: [],
    logBytes: 1000,
    slotsKeptMax: 5000,
    bytesKeptMax: 1_000_000,
    ...over,
  } as TruncationInput
}

test('what a member lacks is kept for it, and what all have goes', () => {
  assert.equal(truncationPoint(input({ members: [toSlot(9000), toSlot(7000)] })), 7000)
  assert.equal(truncationPoint(input({ members: [toSlot(12_000)] })), 10_000)
})

test('a member that was never heard keeps the log only within the limit of slots', () => {
  assert.equal(truncationPoint(input({ members: [toSlot(9000), undefined] })), 5000)
  assert.equal(truncationPoint(input({ members: [undefined], slotsKeptMax: 20_000 })), 0)
})

test('too many bytes halve the log, whoever needs it', () => {
  assert.equal(truncationPoint(input({ members: [undefined], slotsKeptMax: 20_000, logBytes: 2_000_000 })), 5000)
})

test('a few slots are not worth a write, unless they are heavy', () => {
  const few = { durableUpTo: toSlot(100), members: [toSlot(100)] }
  assert.equal(truncationPoint(input(few)), 0)
  assert.equal(truncationPoint(input({ ...few, logBytes: 600_000 })), 100)
})

test('truncation never goes back and never passes what is durable here', () => {
  const slots = fc.integer({ min: 0, max: 2000 }).map(toSlot)
  const inputs = fc
    .record({
      truncatedUpTo: slots,
      durableUpTo: slots,
      members: fc.array(fc.option(slots, { nil: undefined }), { maxLength: 4 }),
      logBytes: fc.integer({ min: 0, max: 3000 }),
      slotsKeptMax: fc.integer({ min: 1, max: 1000 }),
      bytesKeptMax: fc.integer({ min: 1, max: 2000 }),
    })
    .map((drawn) => ({ ...drawn, durableUpTo: Math.max(drawn.durableUpTo, drawn.truncatedUpTo) as Slot }))
  fc.assert(
    fc.property(inputs, (drawn) => {
      const upTo = truncationPoint(drawn)
      assert.ok(upTo >= drawn.truncatedUpTo)
      assert.ok(upTo <= drawn.durableUpTo)
    }),
  )
})
