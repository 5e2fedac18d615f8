/** The judges of a chaos run find what a broken cluster would show: each test breaks one promise in a good history. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { type ErrorCode, PaxosError } from '../../src/base/error.ts'
import type { Input, Output } from '../../src/sim/linearizability/history.ts'
import { type ChosenLog, historyOf, historyProblems, logProblems, ownKeyProblems } from './judge.ts'
import { Recorder } from './record.ts'

const put = (key: string, value: string): Input => ({ kind: 'put', key, value, ifVersion: undefined })
const get = (key: string): Input => ({ kind: 'get', key, at: undefined, isStale: false })
const putOutput = (revision: number, version: number): Output => ({ kind: 'put', revision, version })
const none = (revision: number): Output => ({ kind: 'item', revision, item: undefined })

function chosen(...values: readonly string[]): ChosenLog {
  return { isWhole: true, count: (value) => values.filter((each) => each === value).length }
}

/** Client 0 has a session, client 1 has none. */
const sessions = new Set([0])

async function record(...calls: readonly (readonly [number, Input, Output | ErrorCode])[]): Promise<Recorder> {
  const recorder = new Recorder()
  for (const [client, input, told] of calls) {
    await recorder.run(client, input, () =>
      typeof told === 'string' ? Promise.reject(new PaxosError(told, 'x')) : Promise.resolve(told),
    )
    // Two operations that end and begin at one time would be concurrent.
    await pause(1)
  }
  return recorder
}

function allProblems(recorder: Recorder, log: ChosenLog, version: number): string[] {
  return [
    ...historyProblems(historyOf(recorder, log)),
    ...logProblems(recorder, log, sessions),
    ...ownKeyProblems([{ key: 'own/0', version }], recorder, log, sessions),
  ]
}

test('a history in which all is well has no problems, whatever became of the write that nobody answered', async () => {
  const recorder = await record(
    [0, put('own/0', 'a'), putOutput(1, 1)],
    [0, put('own/0', 'b'), 'OUTCOME_UNKNOWN'],
    [1, put('k', 'c'), 'NO_LEADER'],
  )
  assert.deepEqual(allProblems(recorder, chosen('a'), 1), [])
  assert.deepEqual(allProblems(recorder, chosen('a', 'b'), 2), [])
})

test('an acknowledged write that is gone is found by the reads, by the log and by its version', async () => {
  const recorder = await record([0, put('own/0', 'a'), putOutput(1, 1)], [1, get('own/0'), none(1)])
  assert.equal(historyProblems(historyOf(recorder, chosen('a'))).length, 1)
  assert.match(logProblems(recorder, chosen(), sessions).join(), /acknowledged, but not in the log/)
  assert.match(
    ownKeyProblems([{ key: 'own/0', version: 0 }], recorder, chosen('a'), sessions).join(),
    /has version 0 after 1/,
  )
})

test('a write that was applied twice is found by the version of its key and by the revisions', async () => {
  const recorder = await record([0, put('own/0', 'a'), putOutput(1, 1)], [0, put('own/0', 'b'), putOutput(3, 3)])
  assert.equal(historyProblems(historyOf(recorder, chosen('a', 'b'))).length, 1)
  assert.equal(ownKeyProblems([{ key: 'own/0', version: 3 }], recorder, chosen('a', 'b'), sessions).length, 1)
})

test('a write that its client was told is not done, and is in the log, is found', async () => {
  const recorder = await record([1, put('k', 'a'), 'NO_QUORUM'])
  assert.match(logProblems(recorder, chosen('a'), sessions).join(), /certainly not done/)
})

test('a write without a session that stands in the log twice is found, a repeated one of a session is allowed', async () => {
  const recorder = await record([0, put('own/0', 'a'), putOutput(1, 1)], [1, put('k', 'b'), putOutput(2, 1)])
  assert.deepEqual(logProblems(recorder, chosen('a', 'a', 'b'), sessions), [])
  assert.match(logProblems(recorder, chosen('a', 'b', 'b'), sessions).join(), /twice in the log/)
})

test('what was never answered and stands in the log was done, unless its session may have been over', async () => {
  const recorder = await record([0, put('own/0', 'a'), 'OUTCOME_UNKNOWN'], [1, put('own/1', 'b'), 'OUTCOME_UNKNOWN'])
  const log = chosen('a', 'b')
  const problems = (key: string, version: number): number =>
    ownKeyProblems([{ key, version }], recorder, log, sessions).length
  assert.deepEqual([problems('own/0', 0), problems('own/0', 1), problems('own/0', 2)], [0, 0, 1])
  assert.deepEqual([problems('own/1', 0), problems('own/1', 1), problems('own/1', 2)], [1, 0, 1])
})

test('a log that was not read whole proves no absence', async () => {
  const recorder = await record([0, put('own/0', 'a'), putOutput(1, 1)], [0, put('own/0', 'b'), 'OUTCOME_UNKNOWN'])
  const log = { ...chosen(), isWhole: false }
  assert.deepEqual(allProblems(recorder, log, 1), [])
  assert.deepEqual(allProblems(recorder, log, 2), [])
  assert.equal(ownKeyProblems([{ key: 'own/0', version: 3 }], recorder, log, sessions).length, 1)
})
