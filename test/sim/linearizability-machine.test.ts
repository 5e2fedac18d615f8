import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random } from '../../src/base/random.ts'
import { keyRange } from '../../src/machine/footprint.ts'
import type { Command, Compare, DataQuery, Key, Operation as MachineStep, Reply } from '../../src/machine/request.ts'
import { toSlot } from '../../src/protocol/ids.ts'
import { checkHistory } from '../../src/sim/linearizability/check.ts'
import { type Call, toHistory, toOperation } from '../../src/sim/linearizability/from-machine.ts'
import { readHistory, writeHistory } from '../../src/sim/linearizability/ndjson.ts'
import { Bench, bytes, del, put, toKey, txn } from '../machine/fixtures.ts'

test('what the real machine answers is what the model gives, and survives being written and read', () => {
  for (let seed = 1; seed <= 60; seed++) {
    const history = toHistory(runMachine(new Random(seed), 120))
    assert.ok(history.operations.length > 80)
    const verdict = checkHistory(history)
    assert.ok(verdict.ok && verdict.isSearched, `seed ${seed}: ${verdict.ok ? 'not searched' : verdict.message}`)
    assert.deepEqual(readHistory(writeHistory(history)), history)
  }
})

test('a machine that forgets to count a revision is caught', () => {
  const calls = runMachine(new Random(1), 120)
  const cheated = calls.map((call, i) =>
    i > 60 && call.output?.kind === 'put'
      ? { ...call, output: { ...call.output, revision: call.output.revision - 1 } }
      : call,
  )
  assert.ok(!checkHistory(toHistory(cheated)).ok)
})

test('only what was certainly not done, and what tells nothing of the data, is left out', () => {
  const call = {
    client: 1,
    invokedAt: 1,
    returnedAt: 2,
    input: { kind: 'command', command: put('a', 'x', 1) },
  } as const
  const told = (output: Call['output']) => toOperation({ ...call, output })
  const error = (code: Extract<Reply, { kind: 'error' }>['code']) =>
    told({ kind: 'error', slot: toSlot(0), code, message: '' })
  assert.equal(error('OVERLOADED'), undefined)
  assert.equal(error('NO_LEADER'), undefined)
  assert.deepEqual(error('PRECONDITION_FAILED')?.output, { kind: 'mismatch' })
  for (const operation of [error('OUTCOME_UNKNOWN'), error('SESSION_EXPIRED'), told(undefined)]) {
    assert.ok(operation)
    assert.deepEqual([operation.returnedAt, operation.output], [undefined, undefined])
  }
  assert.equal(
    toOperation({ ...call, input: { kind: 'command', command: { kind: 'keepAlive' } }, output: undefined }),
    undefined,
  )
  const query = { kind: 'get', key: toKey('a'), revision: undefined } as const
  assert.equal(toOperation({ ...call, input: { kind: 'query', query, isStale: false }, output: undefined }), undefined)
})

test('a history that cannot be read is refused with its line, its field and what was wanted', () => {
  const line =
    '{"client":1,"invokedAt":0,"returnedAt":1,"input":{"kind":"get","key":"a","isStale":false},"output":{"kind":"item","revision":0}}'
  assert.equal(readHistory(`${line}\n\n${line}\n`).operations.length, 2)
  const refusals: readonly (readonly [text: string, message: string])[] = [
    ['{', 'Line 1 is not JSON'],
    [`${line}\n[]`, 'Wanted an object in line 2'],
    [line.replace('"revision":0', '"revision":-1'), 'Wanted an integer from 0 up in line 1: output: revision'],
    [
      line.replace('"kind":"get"', '"kind":"steal"'),
      'Wanted one of put, delete, deleteRange, txn, get, range in line 1: input: kind',
    ],
    [line.replace('"a"', '"ā"'), 'Wanted a string of units 0 to 255, one per byte in line 1: input: key'],
    [line.replace('"isStale":false', '"isStale":0'), 'Wanted true or false in line 1: input: isStale'],
    [line.replace('"invokedAt":0', '"invokedAt":null'), 'Wanted a number in line 1: invokedAt'],
    [`${line}\n{"start":{"revision":0,"items":[]}}`, 'Line 2: the start must come before the operations'],
  ]
  for (const [text, message] of refusals) assert.throws(() => readHistory(text), { code: 'BAD_REQUEST', message })
})

/** One client after the other, so that only the model is on trial. */
function runMachine(random: Random, count: number): readonly Call[] {
  const bench = new Bench()
  return Array.from({ length: count }, (_, i): Call => {
    const times = { client: i % 3, invokedAt: i * 2, returnedAt: i * 2 + 1 }
    if (random.chance(0.3)) {
      const query = drawQuery(random, bench.machine.revision)
      const isStale = random.chance(0.2)
      return { ...times, input: { kind: 'query', query, isStale }, output: bench.machine.query(query) }
    }
    const command = drawCommand(random)
    return { ...times, input: { kind: 'command', command }, output: bench.one(command) }
  })
}

function drawCommand(random: Random): Command {
  const ifVersion = random.chance(0.3) ? random.integer(0, 3) : undefined
  switch (random.integer(0, 8)) {
    case 0:
      return del(drawKey(random), ifVersion)
    case 1:
      return { kind: 'deleteRange', range: { start: drawKey(random), end: drawKey(random) } }
    case 2:
    case 3:
    case 4: {
      const compare = Array.from({ length: random.integer(0, 3) }, () => drawCompare(random))
      const steps = (): MachineStep[] => Array.from({ length: random.integer(0, 4) }, () => drawStep(random))
      return txn(compare, steps(), steps())
    }
    default:
      return put(drawKey(random), drawValue(random), ifVersion)
  }
}

function drawStep(random: Random): MachineStep {
  const key = drawKey(random)
  const range = random.chance(0.5) ? keyRange(key) : { start: key, end: undefined }
  switch (random.integer(0, 4)) {
    case 0:
      return { kind: 'delete', range }
    case 1:
      return { kind: 'get', range, limit: random.integer(0, 3) }
    default:
      return { kind: 'put', key, value: bytes(drawValue(random)) }
  }
}

function drawCompare(random: Random): Compare {
  const op = (['=', '!=', '<', '>'] as const)[random.integer(0, 4)] ?? '='
  const target = (['value', 'version', 'createRevision', 'modRevision'] as const)[random.integer(0, 4)] ?? 'value'
  return {
    key: drawKey(random),
    target,
    op,
    operand: target === 'value' ? bytes(drawValue(random)) : random.integer(0, 9),
  }
}

function drawQuery(random: Random, newest: number): DataQuery {
  const revision = random.chance(0.3) ? random.integer(0, newest + 1) : undefined
  const key = drawKey(random)
  if (random.chance(0.5)) return { kind: 'get', key, revision }
  const range = { start: key, end: random.chance(0.5) ? undefined : 'b' }
  return { kind: 'range', range, limit: random.integer(0, 3), revision, keysOnly: random.chance(0.3) }
}

function drawKey(random: Random): Key {
  return toKey(['a', 'a\0', 'ab', '\xff'][random.integer(0, 4)] ?? 'a')
}

function drawValue(random: Random): string {
  return ['', 'x', 'xy', '\xff\0'][random.integer(0, 4)] ?? ''
}
