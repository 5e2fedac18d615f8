import assert from 'node:assert/strict'
import test from 'node:test'
import { AssertionError, assert as state, unreachable } from './assert.ts'

test('what is so passes, and what is not throws with its values in the message', () => {
  state(true, 'slot %s is above %s', 7, 3)
  assert.throws(
    () => state(false, 'slot %s is above %s: %s', 7, 3, undefined),
    new AssertionError('slot 7 is above 3: undefined'),
  )
  assert.throws(() => state(false, 'never'), new AssertionError('never'))
})

test('a value with a placeholder in it is shown as it is', () => {
  assert.throws(() => state(false, 'not a name: %s, of %s', '%s', 2), new AssertionError('not a name: %s, of 2'))
})

test('what cannot be reached says what was there', () => {
  assert.throws(() => unreachable({ kind: 'odd' } as never), new AssertionError('unreachable: {"kind":"odd"}'))
})

test('the compiler counts the values', () => {
  // @ts-expect-error: a value is missing.
  assert.throws(() => state(false, 'slot %s is above %s', 7), new AssertionError('slot 7 is above undefined'))
  // @ts-expect-error: nothing stands for the value.
  assert.throws(() => state(false, 'slot', 7), new AssertionError('slot'))
})
