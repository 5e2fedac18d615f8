import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PaxosError } from '../../base/error.ts'
import { FailStop } from './fail-stop.ts'

function failStop(commitDeadlineMs: number): { failStop: FailStop; failures: PaxosError[] } {
  const failures: PaxosError[] = []
  return { failStop: new FailStop({ commitDeadlineMs, onFailure: (error) => failures.push(error) }), failures }
}

function settle(run: (done: (error?: Error) => void) => void): Promise<Error | undefined> {
  return new Promise((resolve) => run(resolve))
}

test('a commit that never settles is a failure after the deadline', async () => {
  const { failStop: guard, failures } = failStop(50)
  const held = setInterval(() => {}, 1000)
  const error = await settle((done) => guard.track('x.mdb', new Promise(() => {}), done))
  clearInterval(held)
  assert.match(error?.message ?? '', /x\.mdb: not durable after 50 ms/)
  assert.equal(failures.length, 1)
  assert.equal(guard.failed, true)
})

test('a rejection ends everything, once, with the reason that LMDB gives later', async () => {
  const { failStop: guard, failures } = failStop(10_000)
  const rejection = Object.assign(new Error('Commit failed'), { commitError: Promise.reject(new Error('MDB_PANIC')) })
  const answers: (Error | undefined)[] = []
  const first = settle((done) => guard.track('x.mdb', Promise.reject(rejection), done))
  // Settles after the first was rejected: it may be on the disk, but nobody may rely on it any more.
  const second = settle((done) => guard.track('x.mdb', new Promise((resolve) => setTimeout(resolve, 5)), done))
  answers.push(await first, await second, await settle((done) => guard.refuse(done)))
  assert.ok(answers.every((error) => error?.message.includes('MDB_PANIC')))
  assert.equal(failures.length, 1)
  assert.equal(failures[0]?.code, 'STORE_FAILED')
})

test('a call between the rejection and its reason is answered with the failure', async () => {
  const { failStop: guard, failures } = failStop(10_000)
  let explain = (_: Error): void => {}
  const commitError = new Promise((_, reject) => {
    explain = reject
  })
  const first = settle((done) => {
    guard.track('x.mdb', Promise.reject(Object.assign(new Error('Commit failed'), { commitError })), done)
  })
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(guard.failed, true)
  assert.equal(failures.length, 0)
  const late = settle((done) => guard.refuse(done))
  explain(new Error('ENOSPC'))
  assert.match((await first)?.message ?? '', /ENOSPC/)
  assert.match((await late)?.message ?? '', /ENOSPC/)
})
