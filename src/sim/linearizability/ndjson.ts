/**
 * Histories as text, one JSON object a line: first what the store held at the start, then the operations, with the field
 * names of `history.ts`. Bytes are strings with one unit 0..255 each; what is undefined is left out. Histories of real
 * processes come this way.
 */
import { PaxosError } from '../../base/error.ts'
import type { Comparison, History, Input, Item, Operation, Output, Start, Step, StepResult } from './history.ts'
import { JsonRecord } from './json-record.ts'

export function writeHistory({ start, operations }: History): string {
  return [JSON.stringify({ start }), ...operations.map(writeOperation), ''].join('\n')
}

/** One line, without its end. */
export function writeOperation(operation: Operation): string {
  return JSON.stringify(operation)
}

/** Empty lines are skipped. Throws PaxosError BAD_REQUEST that names the line. */
export function readHistory(text: string): History {
  let start: Start = { revision: 0, items: [] }
  const operations: Operation[] = []
  let number = 0
  for (const line of text.split('\n')) {
    number++
    if (line.trim() === '') continue
    const record = parse(line, number)
    if (!record.has('start')) operations.push(readOperation(record))
    else if (operations.length === 0) start = readStart(record.record('start'))
    else throw new PaxosError('BAD_REQUEST', `Line ${number}: the start must come before the operations`)
  }
  return { start, operations }
}

function parse(line: string, number: number): JsonRecord {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (cause) {
    throw new PaxosError('BAD_REQUEST', `Line ${number} is not JSON`, { cause })
  }
  return new JsonRecord(value, `line ${number}`)
}

function readStart(record: JsonRecord): Start {
  return { revision: record.counter('revision'), items: record.list('items', readItem) }
}

function readOperation(record: JsonRecord): Operation {
  return {
    client: record.counter('client'),
    invokedAt: record.number('invokedAt'),
    returnedAt: record.has('returnedAt') ? record.number('returnedAt') : undefined,
    input: readInput(record.record('input')),
    output: record.has('output') ? readOutput(record.record('output')) : undefined,
  }
}

function readInput(record: JsonRecord): Input {
  const kind = record.choice('kind', ['put', 'delete', 'deleteRange', 'txn', 'get', 'range'])
  const at = record.has('at') ? record.counter('at') : undefined
  const ifVersion = record.has('ifVersion') ? record.counter('ifVersion') : undefined
  switch (kind) {
    case 'put':
      return { kind, key: record.text('key'), value: record.text('value'), ifVersion }
    case 'delete':
      return { kind, key: record.text('key'), ifVersion }
    case 'deleteRange':
      return { kind, range: readRange(record) }
    case 'get':
      return { kind, key: record.text('key'), at, isStale: record.flag('isStale') }
    case 'range': {
      const limit = record.counter('limit')
      return {
        kind,
        range: readRange(record),
        limit,
        keysOnly: record.flag('keysOnly'),
        at,
        isStale: record.flag('isStale'),
      }
    }
    default: {
      const then = record.list('then', readStep)
      return { kind, compare: record.list('compare', readComparison), then, else: record.list('else', readStep) }
    }
  }
}

function readOutput(record: JsonRecord): Output {
  const kind = record.choice('kind', ['put', 'delete', 'txn', 'item', 'items', 'mismatch'])
  if (kind === 'mismatch') return { kind }
  const revision = record.counter('revision')
  switch (kind) {
    case 'put':
      return { kind, revision, version: record.counter('version') }
    case 'delete':
      return { kind, revision, deleted: record.counter('deleted') }
    case 'item':
      return { kind, revision, item: record.has('item') ? readItem(record.record('item')) : undefined }
    case 'items':
      return { kind, revision, items: record.list('items', readItem), more: record.flag('more') }
    default:
      return { kind, revision, succeeded: record.flag('succeeded'), results: record.list('results', readResult) }
  }
}

function readStep(record: JsonRecord): Step {
  const kind = record.choice('kind', ['put', 'get', 'delete'])
  if (kind === 'put') return { kind, key: record.text('key'), value: record.text('value') }
  const range = readRange(record)
  return kind === 'get' ? { kind, range, limit: record.counter('limit') } : { kind, range }
}

function readResult(record: JsonRecord): StepResult {
  const kind = record.choice('kind', ['put', 'get', 'delete'])
  if (kind === 'put') return { kind, version: record.counter('version') }
  if (kind === 'delete') return { kind, deleted: record.counter('deleted') }
  return { kind, items: record.list('items', readItem), more: record.flag('more') }
}

function readComparison(record: JsonRecord): Comparison {
  const target = record.choice('target', ['value', 'version', 'createRevision', 'modRevision'])
  const operand = target === 'value' ? record.text('operand') : record.counter('operand')
  return { key: record.text('key'), target, op: record.choice('op', ['=', '!=', '<', '>']), operand }
}

function readItem(record: JsonRecord): Item {
  return {
    key: record.text('key'),
    value: record.text('value'),
    createRevision: record.counter('createRevision'),
    modRevision: record.counter('modRevision'),
    version: record.counter('version'),
  }
}

function readRange(record: JsonRecord): { start: string; end: string | undefined } {
  const range = record.record('range')
  return { start: range.text('start'), end: range.has('end') ? range.text('end') : undefined }
}
