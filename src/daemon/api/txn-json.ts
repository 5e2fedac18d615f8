import { unreachable } from '../../base/assert.ts'
import { keyRange } from '../../machine/footprint.ts'
import type { Command, Compare, Key, KeyRange, Operation, OperationResult } from '../../machine/request.ts'
import { prefixRange } from '../../wire/key-range.ts'
import { badRequest } from './errors.ts'
import { itemJson } from './json.ts'
import { JsonFields } from './json-fields.ts'
import type { Json } from './json-parse.ts'

const targets = ['value', 'version', 'createRevision', 'modRevision'] as const
const comparisons = ['=', '!=', '<', '>'] as const
const rangeFields = ['key', 'key64', 'prefix', 'prefix64', 'start', 'start64', 'end', 'end64']
const getLimitDefault = 1000
const getLimitMax = 10_000

/** The body of `POST /v1/txn`. Throws PaxosError BAD_REQUEST. */
export function readTxn(body: Json): Command {
  const fields = new JsonFields(body, 'the transaction', ['compare', 'then', 'else'])
  return {
    kind: 'txn',
    compare: fields.list('compare').map(readCompare),
    // biome-ignore lint/suspicious/noThenProperty: the word of the API; never awaited.
    then: fields.list('then').map((operation, i) => readOperation(operation, `then[${i}]`)),
    else: fields.list('else').map((operation, i) => readOperation(operation, `else[${i}]`)),
  }
}

export function operationResultJson(result: OperationResult): object {
  switch (result.kind) {
    case 'put':
      return { put: { version: result.version } }
    case 'get':
      return { get: { items: result.items.map((item) => itemJson(item, false)), more: result.more } }
    case 'delete':
      return { delete: { deleted: result.deleted } }
    default:
      return unreachable(result)
  }
}

function readCompare(value: Json, index: number): Compare {
  const where = `compare[${index}]`
  const fields = new JsonFields(value, where, ['key', 'key64', 'target', 'op', 'operand', 'operand64'])
  const target = fields.choice('target', targets)
  const common = { key: readKey(fields, where), target, op: fields.choice('op', comparisons) }
  if (target === 'value') return { ...common, operand: required(fields.bytes('operand'), 'operand', where) }
  if (fields.has('operand64')) throw badRequest(`"operand64" in ${where} goes with target value`)
  return { ...common, operand: fields.integer('operand', 0) }
}

function readOperation(value: Json, where: string): Operation {
  const fields = new JsonFields(value, where, ['put', 'get', 'delete'])
  const kinds = (['put', 'get', 'delete'] as const).filter((kind) => fields.has(kind))
  const [kind] = kinds
  if (kind === undefined || kinds.length > 1) throw badRequest(`${where} must hold one of put, get, delete`)
  const inner = fields.get(kind)
  const path = `${where}.${kind}`
  switch (kind) {
    case 'put': {
      const put = new JsonFields(inner, path, ['key', 'key64', 'value', 'value64'])
      return { kind, key: readKey(put, path), value: required(put.bytes('value'), 'value', path) }
    }
    case 'get': {
      const get = new JsonFields(inner, path, [...rangeFields, 'limit'])
      const limit = get.has('limit') ? get.integer('limit', 1, getLimitMax) : getLimitDefault
      return { kind, range: readRange(get, path), limit }
    }
    case 'delete':
      return { kind, range: readRange(new JsonFields(inner, path, rangeFields), path) }
    default:
      return unreachable(kind)
  }
}

/** `key`, or `prefix`, or `start` and `end`. */
function readRange(fields: JsonFields, where: string): KeyRange {
  const key = fields.binary('key')
  const prefix = fields.binary('prefix')
  const start = fields.binary('start')
  const end = fields.binary('end')
  const bounded = start !== undefined || end !== undefined
  if ([key !== undefined, prefix !== undefined, bounded].filter(Boolean).length !== 1) {
    throw badRequest(`${where} needs key, or prefix, or start and end`)
  }
  if (key === '') throw badRequest(`"key" in ${where} must not be empty`)
  if (key !== undefined) return keyRange(key as Key)
  if (prefix !== undefined) {
    if (prefix === '') throw badRequest(`"prefix" in ${where} must not be empty`, 'Give a start to mean every key.')
    return prefixRange(prefix)
  }
  if (end !== undefined && end <= (start ?? '')) throw badRequest(`"end" in ${where} must be above "start"`)
  return { start: start ?? '', end }
}

function readKey(fields: JsonFields, where: string): Key {
  // Its length is checked with the whole request.
  return required(fields.binary('key'), 'key', where) as Key
}

function required<T>(value: T | undefined, name: string, where: string): T {
  if (value === undefined) throw badRequest(`"${name}" is missing in ${where}`)
  return value
}
