// This entry of cbor-x never loads its optional C++ addon, whatever the environment says.
import { Encoder } from 'cbor-x/encode'
import { assert, unreachable } from '../base/assert.ts'
import { badFrame } from './frame-error.ts'
import { type PrescanLimits, prescan } from './prescan.ts'

/** What travels: the values that `prescan` lets through. */
export type CborValue = number | string | boolean | null | undefined | Uint8Array | readonly CborValue[]

const options = {
  useRecords: false,
  mapsAsObjects: true,
  tagUint8Array: false,
  // Not in the declared options of 1.6.9, but read by its decoder: 64-bit integers come as numbers. Prescan keeps them safe.
  int64AsNumber: true,
}
const codec = new Encoder(options)

/**
 * Integers must be safe; undefined travels as null. The bytes are a view on a pooled buffer: right for what is sent at
 * once, to be copied by whoever keeps them.
 */
export function encodeCbor(value: CborValue): Uint8Array {
  return codec.encode(sendable(value))
}

/** Throws PaxosError BAD_FRAME, and only that, whatever the bytes. Byte strings in the result are views on one copy. */
export function decodeCbor(bytes: Uint8Array, limits?: PrescanLimits): unknown {
  prescan(bytes, limits)
  // One copy for the whole value costs far less than one for each byte string, and lets go of the socket's buffer.
  // A Buffer's slice would be no copy, and its views would be Buffers.
  return codec.decode(plain(bytes).slice())
}

function plain(bytes: Uint8Array): Uint8Array {
  return bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
}

export function readArray(value: unknown, field: string, lengthMax = Number.MAX_SAFE_INTEGER): readonly unknown[] {
  if (!Array.isArray(value)) throw badFrame(`${field} is not an array`)
  if (value.length > lengthMax) throw badFrame(`${field} has ${value.length} items, at most ${lengthMax} are allowed`)
  return value
}

/** An array of exactly `length` items. */
export function readTuple(value: unknown, field: string, length: number): readonly unknown[] {
  const items = readArray(value, field)
  if (items.length !== length) throw badFrame(`${field} has ${items.length} items instead of ${length}`)
  return items
}

export function readUint(value: unknown, field: string, max = Number.MAX_SAFE_INTEGER): number {
  if (typeof value !== 'number' || value < 0) throw badFrame(`${field} is not an unsigned integer`)
  if (value > max) throw badFrame(`${field} is above ${max}`)
  return value
}

export function readBytes(value: unknown, field: string, lengthMax = Number.MAX_SAFE_INTEGER): Uint8Array {
  if (!(value instanceof Uint8Array)) throw badFrame(`${field} is not a byte string`)
  if (value.length > lengthMax) throw badFrame(`${field} has ${value.length} bytes, at most ${lengthMax} are allowed`)
  return value
}

/** `lengthMax` counts UTF-16 units. */
export function readText(value: unknown, field: string, lengthMax = Number.MAX_SAFE_INTEGER): string {
  if (typeof value !== 'string') throw badFrame(`${field} is not text`)
  if (value.length > lengthMax)
    throw badFrame(`${field} has ${value.length} characters, at most ${lengthMax} are allowed`)
  return value
}

export function readBoolean(value: unknown, field: string): boolean {
  if (typeof value !== 'boolean') throw badFrame(`${field} is not true or false`)
  return value
}

/** Null on the wire is undefined here. */
export function readOptional<T>(
  value: unknown,
  field: string,
  read: (value: unknown, field: string) => T,
): T | undefined {
  return value === null || value === undefined ? undefined : read(value, field)
}

/** Reads a byte out of a table of names, so that kinds travel as small integers. */
export function readKind<T>(value: unknown, field: string, kinds: readonly T[]): T {
  const kind = kinds[readUint(value, field)]
  if (kind === undefined) throw badFrame(`${field} is of an unknown kind`)
  return kind
}

/**
 * The same value in the form that the encoder gets right: it would write integers above 32 bits as floats, and lone
 * surrogates as bytes that are not UTF-8. Copies only arrays that hold such a value.
 */
function sendable(value: CborValue): unknown {
  switch (typeof value) {
    case 'number':
      return sendableNumber(value)
    case 'string':
      return value.isWellFormed() ? value : value.toWellFormed()
    case 'boolean':
      return value
    case 'undefined':
      return null
    case 'object':
      return value === null || value instanceof Uint8Array ? value : sendableArray(value)
    default:
      return unreachable(value)
  }
}

function sendableNumber(value: number): number | bigint {
  assert(Number.isSafeInteger(value), 'not a safe integer: %s', value)
  return value > 0xffffffff || value < -0x100000000 ? BigInt(value) : value
}

function sendableArray(values: readonly CborValue[]): unknown {
  let copy: unknown[] | undefined
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    const ready = sendable(value)
    if (copy === undefined && ready !== value) copy = values.slice(0, i)
    copy?.push(ready)
  }
  return copy ?? values
}
