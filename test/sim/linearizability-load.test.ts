import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random } from '../../src/base/random.ts'
import { checkHistory } from '../../src/sim/linearizability/check.ts'
import { emptyStart, type History, type Operation } from '../../src/sim/linearizability/history.ts'
import { replay } from '../../src/sim/linearizability/replay.ts'
import { searchOrder } from '../../src/sim/linearizability/wgl.ts'
import { loadHistory } from './linearizability-histories.ts'

const load = { operations: 10_000, clients: 16, keys: 10, reads: 0.5, unknown: 0 }

test('the search checks 10,000 operations of 16 clients on 10 keys within 3 seconds of processor time', () => {
  const history = loadHistory(new Random(1), load)
  assert.ok(secondsOf(() => assert.ok('kind' in searchOrder(history))) < 3)
})

test('the search bears unknown outcomes, and 16 clients on one key', () => {
  for (const shape of [
    { ...load, unknown: 0.02 },
    { ...load, keys: 1 },
    { ...load, keys: 1, unknown: 0.02 },
  ]) {
    const history = loadHistory(new Random(2), shape)
    assert.ok(secondsOf(() => assert.ok('kind' in searchOrder(history))) < 6)
  }
})

test('the replay checks 1,000,000 operations within 5 seconds of processor time', () => {
  const history = loadHistory(new Random(3), { ...load, operations: 1_000_000, keys: 1000 })
  assert.ok(secondsOf(() => assert.ok('kind' in replay(history))) < 5)
})

test('the replay finds the writes behind bursts of unknown outcomes', () => {
  const history = inBursts(loadHistory(new Random(7), { ...load, operations: 20_000, unknown: 0.01 }))
  const result = replay(history)
  assert.ok('kind' in result, 'violation' in result ? result.message : '')
})

test('the replay finds the one way to fill a long gap, where only a put before a delete leaves enough to fill it with', () => {
  const keys = Array.from({ length: 10 }, (_, i) => `own${i}`)
  const put = (key: string, at: number, output: { revision: number; version: number } | undefined): Operation => ({
    client: 1,
    invokedAt: at,
    returnedAt: output === undefined ? undefined : at + 1,
    input: { kind: 'put', key, value: `${key}@${at}`, ifVersion: undefined },
    output: output === undefined ? undefined : { kind: 'put', ...output },
  })
  const open = { client: 2, invokedAt: 31, returnedAt: undefined, output: undefined }
  // biome-ignore lint/suspicious/noThenProperty: the word of the API; never awaited.
  const wide = { kind: 'txn', compare: [], then: [], else: [] } as const
  const operations: Operation[] = [
    ...[...keys, 'x'].map((key, i) => put(key, i, { revision: i + 1, version: 1 })),
    ...[...keys, 'x'].map((key) => put(key, 30, undefined)),
    { ...open, input: { kind: 'delete', key: 'x', ifVersion: undefined } },
    { ...open, input: wide },
    // Nothing of it is left to be deleted: what made it before must have come first.
    put('x', 50, { revision: 24, version: 1 }),
    ...keys.map((key, i) => put(key, 51 + i, { revision: 25 + i, version: 3 })),
  ]
  const result = replay({ start: emptyStart, operations }, 1_000_000)
  assert.ok('kind' in result, 'violation' in result ? result.message : '')
})

test('one wrong version or one missing write in a long history is found where it is', () => {
  const history = loadHistory(new Random(5), load)
  const puts = history.operations.flatMap(({ output }, i) => (output?.kind === 'put' ? [i] : []))
  const victim = puts[puts.length >> 1] ?? 0
  const operation = history.operations[victim]
  assert.ok(operation?.output?.kind === 'put')

  const output = { ...operation.output, version: operation.output.version + 1 }
  const bent = { ...history, operations: history.operations.with(victim, { ...operation, output }) }
  const replayed = checkHistory(bent)
  assert.ok(!replayed.ok)
  assert.deepEqual([replayed.violation, replayed.blocking], ['wrongResult', [victim]])
  const searched = checkHistory(bent, { by: 'search' })
  assert.equal(searched.ok ? 'ok' : searched.violation, 'notLinearizable')

  const missing = checkHistory({ ...history, operations: history.operations.toSpliced(victim, 1) })
  assert.ok(!missing.ok)
  assert.equal(missing.violation, 'unclaimedRevision')
  assert.match(missing.message, new RegExp(`Revision ${operation.output.revision} was made by no operation`))
  assert.equal(missing.longestPrefix.length > 1000, true)
})

/** Every so often all that runs at one moment loses its answer, as when a leader dies. */
function inBursts({ start, operations }: History): History {
  return {
    start,
    operations: operations.flatMap((operation, i) => {
      if (i % 500 >= 20) return [operation]
      const isRead = operation.input.kind === 'get'
      return isRead ? [] : [{ ...operation, returnedAt: undefined, output: undefined }]
    }),
  }
}

/** Of this process, so that a busy machine does not matter. */
function secondsOf(run: () => void): number {
  const before = process.cpuUsage()
  run()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1e6
}
