import { PaxosError } from '../base/error.ts'
import type { Txn, TxnCompare, TxnKeys, TxnOperation } from '../client/txn.ts'

type Fields = Readonly<Record<string, unknown>>

const targets = ['value', 'version', 'createRevision', 'modRevision'] as const
const comparisons = ['=', '!=', '<', '>'] as const
const keyFields = ['key', 'key64', 'prefix', 'prefix64', 'start', 'start64', 'end', 'end64']

/** Reads a transaction in the form of `POST /v1/txn`. Throws PaxosError BAD_REQUEST that names the place. */
export function parseTxn(text: string): Txn {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw bad(`it is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
  const fields = object(value, 'the transaction', ['compare', 'then', 'else'])
  return {
    compare: list(fields, 'compare').map((item, at) => readCompare(item, `compare[${at}]`)),
    // biome-ignore lint/suspicious/noThenProperty: the word of the API; never awaited.
    then: list(fields, 'then').map((item, at) => readOperation(item, `then[${at}]`)),
    else: list(fields, 'else').map((item, at) => readOperation(item, `else[${at}]`)),
  }
}

function readCompare(value: unknown, where: string): TxnCompare {
  const fields = object(value, where, ['key', 'key64', 'target', 'op', 'operand', 'operand64'])
  const target = choice(fields, 'target', targets, where)
  const op = choice(fields, 'op', comparisons, where)
  const key = required(bytes(fields, 'key', where), 'key', where)
  if (target === 'value')
    return { key, target, op, operand: required(bytes(fields, 'operand', where), 'operand', where) }
  const operand = fields['operand']
  if (typeof operand !== 'number' || !Number.isSafeInteger(operand) || operand < 0) {
    throw bad(`"operand" in ${where} is not a whole number, which ${target} needs`)
  }
  return { key, target, op, operand }
}

function readOperation(value: unknown, where: string): TxnOperation {
  const fields = object(value, where, ['put', 'get', 'delete'])
  const [kind, ...more] = Object.keys(fields)
  if (kind === undefined || more.length > 0) throw bad(`${where} must hold one of put, get, delete`)
  const path = `${where}.${kind}`
  if (kind === 'put') {
    const put = object(fields['put'], path, ['key', 'key64', 'value', 'value64'])
    const key = required(bytes(put, 'key', path), 'key', path)
    return { put: { key, value: required(bytes(put, 'value', path), 'value', path) } }
  }
  if (kind === 'delete') return { delete: readKeys(object(fields['delete'], path, keyFields), path) }
  const get = object(fields['get'], path, [...keyFields, 'limit'])
  const limit = get['limit']
  if (limit !== undefined && (typeof limit !== 'number' || !Number.isSafeInteger(limit) || limit < 1)) {
    throw bad(`"limit" in ${path} is not a whole number from 1 on`)
  }
  return { get: { ...readKeys(get, path), limit } }
}

function readKeys(fields: Fields, where: string): TxnKeys {
  const keys = {
    key: bytes(fields, 'key', where),
    prefix: bytes(fields, 'prefix', where),
    start: bytes(fields, 'start', where),
    end: bytes(fields, 'end', where),
  }
  return Object.fromEntries(Object.entries(keys).filter(([, value]) => value !== undefined))
}

function object(value: unknown, where: string, allowed: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad(`${where} is not a JSON object`)
  const fields: Fields = { ...value }
  const unknown = Object.keys(fields).find((name) => !allowed.includes(name))
  if (unknown !== undefined) throw bad(`"${unknown}" in ${where} is none of ${allowed.join(', ')}`)
  return fields
}

function list(fields: Fields, name: string): readonly unknown[] {
  const value = fields[name] ?? []
  if (!Array.isArray(value)) throw bad(`"${name}" is not a list`)
  return value
}

function choice<const T extends string>(fields: Fields, name: string, options: readonly T[], where: string): T {
  const found = options.find((option) => option === fields[name])
  if (found === undefined) throw bad(`"${name}" in ${where} is none of ${options.join(', ')}`)
  return found
}

/** Text in field `name`, or base64 in field `name64`. */
function bytes(fields: Fields, name: string, where: string): Uint8Array | undefined {
  const text = fields[name]
  const base64 = fields[`${name}64`]
  if (text !== undefined && base64 !== undefined) throw bad(`${where} has both "${name}" and "${name}64"`)
  if (base64 !== undefined) {
    const decoded = Buffer.from(String(base64), 'base64')
    if (decoded.toString('base64') !== base64) throw bad(`"${name}64" in ${where} is not base64`)
    return decoded
  }
  if (text === undefined) return undefined
  if (typeof text !== 'string' || !text.isWellFormed()) throw bad(`"${name}" in ${where} is not text`)
  return Buffer.from(text, 'utf8')
}

function required<T>(value: T | undefined, name: string, where: string): T {
  if (value === undefined) throw bad(`"${name}" is missing in ${where}`)
  return value
}

function bad(problem: string): PaxosError {
  return new PaxosError('BAD_REQUEST', `Cannot read the transaction: ${problem}`, {
    hint: 'It has the form {"compare":[{"key":"a","target":"version","op":"=","operand":0}],"then":[{"put":{"key":"a","value":"1"}}],"else":[]}.',
  })
}
