import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { PaxosError } from '../base/error.ts'
import { confirm } from './confirm.ts'

/** What becomes of the question when this is typed; undefined: the terminal goes away. */
function typed(keys: string | undefined, isTTY = true): Promise<void> {
  const input = Object.assign(new PassThrough(), { isTTY })
  const output = Object.assign(new PassThrough(), { isTTY })
  const asked = confirm('Remove n3?', { input, output })
  if (keys === undefined) input.end()
  else input.write(keys)
  return asked
}

test('yes is yes', async () => {
  for (const keys of ['y\n', 'YES\n', ' yes \n']) await typed(keys)
})

test('everything else is no, and so is a terminal that is left or gone', async () => {
  for (const keys of ['\n', 'n\n', 'yess\n', '\x03', '\x04', undefined]) {
    await assert.rejects(typed(keys), (error) => {
      assert.ok(error instanceof PaxosError, String(error))
      assert.deepEqual([error.code, error.message], ['USAGE', 'Not done: the answer was not yes'])
      return true
    })
  }
})

test('without a terminal nobody is asked', async () => {
  await assert.rejects(typed('y\n', false), /no terminal to ask on/)
})
