import { utf8 } from './output.ts'

export interface KeyValueRecord {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

export type RecordFormat = 'ndjson' | 'tsv'

export interface RecordOptions {
  readonly format: RecordFormat
  /** NDJSON objects of any shape: this field is the key, and the whole line is the value. */
  readonly keyField?: string
  /** Put before every key. */
  readonly keyPrefix?: Uint8Array
}

/** What is wrong with a line, in words. */
export class BadRecord extends Error {
  override readonly name = 'BadRecord'
}

const keyBytesMax = 1024
const valueBytesMax = 1024 * 1024

/** Reads one line. Throws BadRecord. */
export function parseRecord(line: Uint8Array, options: RecordOptions): KeyValueRecord {
  const { key: bareKey, value } = options.format === 'tsv' ? parseTsv(line) : parseJson(line, options.keyField)
  if (bareKey.length === 0) throw new BadRecord('the key is empty')
  const prefix = options.keyPrefix
  const key = prefix === undefined || prefix.length === 0 ? bareKey : Buffer.concat([prefix, bareKey])
  if (key.length > keyBytesMax) throw new BadRecord(`the key has ${key.length} bytes, ${keyBytesMax} are allowed`)
  if (value.length > valueBytesMax)
    throw new BadRecord(`the value has ${value.length} bytes, ${valueBytesMax} are allowed`)
  return { key, value }
}

function parseTsv(line: Uint8Array): KeyValueRecord {
  const tab = line.indexOf(9)
  if (tab < 0) throw new BadRecord('there is no tab between key and value')
  // Copies, so that a record does not keep its whole chunk of input in memory.
  return { key: line.slice(0, tab), value: line.slice(tab + 1) }
}

const ownFields = new Set(['key', 'key64', 'value', 'value64'])

function parseJson(line: Uint8Array, keyField: string | undefined): KeyValueRecord {
  const text = utf8(line)
  if (text === undefined) throw new BadRecord('the line is not valid UTF-8')
  const object = parseObject(text)
  if (keyField !== undefined) return { key: keyOf(object, keyField), value: line.slice() }
  for (const field of Object.keys(object)) {
    if (ownFields.has(field)) continue
    throw new BadRecord(`unknown field "${field}"; use --key-field to store objects of another shape`)
  }
  return { key: bytesOf(object, 'key'), value: bytesOf(object, 'value') }
}

function parseObject(text: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new BadRecord(`the line is not JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new BadRecord('the line is not a JSON object')
  return Object.fromEntries(Object.entries(value))
}

function keyOf(object: Record<string, unknown>, field: string): Uint8Array {
  const key = Object.hasOwn(object, field) ? object[field] : undefined
  if (typeof key === 'string') return textBytes(key, field)
  if (typeof key === 'number') return Buffer.from(String(key))
  throw new BadRecord(`field "${field}" is ${key === undefined ? 'missing' : 'not text or a number'}`)
}

function bytesOf(object: Record<string, unknown>, field: 'key' | 'value'): Uint8Array {
  const text = object[field]
  const base64 = object[`${field}64`]
  if (text !== undefined && base64 !== undefined) throw new BadRecord(`both "${field}" and "${field}64" are there`)
  if (text !== undefined) {
    if (typeof text !== 'string') throw new BadRecord(`"${field}" is not text`)
    return textBytes(text, field)
  }
  if (base64 === undefined) throw new BadRecord(`"${field}" is missing`)
  if (typeof base64 !== 'string') throw new BadRecord(`"${field}64" is not text`)
  const bytes = Buffer.from(base64, 'base64')
  if (bytes.toString('base64') !== base64) throw new BadRecord(`"${field}64" is not base64`)
  return bytes
}

function textBytes(text: string, field: string): Uint8Array {
  // An unpaired surrogate has no UTF-8 form; encoding would quietly replace it.
  if (!text.isWellFormed()) throw new BadRecord(`"${field}" has half a character (an unpaired surrogate)`)
  return Buffer.from(text, 'utf8')
}
