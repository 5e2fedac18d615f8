/** Reading the machine's data from LMDB: binary-string keys as bytes, every record checked against its key. */
import type { Transaction } from 'lmdb'
import { assert } from '../../base/assert.ts'
import { toBinary } from '../../base/bytes.ts'
import { PaxosError } from '../../base/error.ts'
import { keyAfter } from '../../base/order.ts'
import type { ReadView } from '../../machine/view.ts'
import type { StatePage } from '../../runtime/ports.ts'
import type { Environment } from './environment.ts'
import { decodeRecord, recordHeaderBytes } from './record.ts'

/** Under the 4026 bytes that LMDB takes with pages of 8192, with room for the least key above a given one. */
export const stateKeyBytesMax = 4000
export const statePageSize = 8192
/** What to do when the file is damaged: unlike the promises, others have all of it. */
export const stateDamagedHint =
  'With the node stopped, move its state.mdb and state.mdb-lock away, and start it: it fetches a snapshot from another member.'

export interface PageWanted {
  readonly start: string
  readonly end: string | undefined
  /** Of keys and values. A page holds at least one entry, if there is one. */
  readonly bytesMax: number
  readonly entriesMax?: number
  /** Reads in this snapshot; otherwise in the last commit. */
  readonly transaction?: Transaction
}

export interface SizesWanted {
  readonly start: string
  readonly end: string | undefined
  readonly recordsMax: number
  /** How much may be read for it. */
  readonly bytesMax: number
  readonly withValues: boolean
}

export interface StateSize {
  readonly key: string
  /** Bytes of the value. */
  readonly size: number
  /** When it was asked for. */
  readonly value: Uint8Array | undefined
}

export interface StateSizes {
  readonly records: readonly StateSize[]
  readonly done: boolean
}

export function toStateKey(key: string): Buffer {
  return writeStateKey(key, Buffer.allocUnsafe(key.length))
}

/** The key at the start of `buffer`, as a view. */
export function writeStateKey(key: string, buffer: Buffer): Buffer {
  assert(key.length > 0 && key.length <= stateKeyBytesMax, 'state key of %s bytes', key.length)
  return buffer.subarray(0, buffer.write(key, 'latin1'))
}

/** A copy that stays valid. Throws PaxosError STORE_FAILED when the record is damaged. */
export function readState(environment: Environment, key: string): Uint8Array | undefined {
  const bytes = toStateKey(key)
  const record = environment.get(bytes)
  return record === undefined ? undefined : checked(bytes, record)
}

/** Leaves no cursor open, so that it never holds back the reuse of pages. */
export function readStatePage(environment: Environment, wanted: PageWanted): StatePage {
  const { start, end, bytesMax, entriesMax, transaction } = wanted
  const entries: (readonly [string, Uint8Array])[] = []
  let bytes = 0
  const found = environment.getRange({
    ...(start === '' ? {} : { start: Buffer.from(start, 'latin1') }),
    ...(end === undefined ? {} : { end: Buffer.from(end, 'latin1') }),
    ...(transaction === undefined ? {} : { transaction }),
    ...(entriesMax === undefined ? {} : { limit: entriesMax }),
  })
  for (const { key, value } of found) {
    if (bytes >= bytesMax) return { entries, done: false }
    entries.push([toBinary(key), checked(key, value)])
    bytes += key.length + value.length
  }
  return { entries, done: entriesMax === undefined || entries.length < entriesMax }
}

/**
 * Keys and sizes of the records from `start` on: at least one, if there is one. Leaves no cursor open. Throws PaxosError
 * STORE_FAILED when a record whose value is wanted is damaged; the others are not checked.
 */
export function readStateSizes(environment: Environment, wanted: SizesWanted): StateSizes {
  const { start, end, recordsMax, bytesMax, withValues } = wanted
  const records: StateSize[] = []
  let bytes = 0
  environment.resetReadTxn()
  const found = environment.getRange({
    ...(start === '' ? {} : { start: Buffer.from(start, 'latin1') }),
    ...(end === undefined ? {} : { end: Buffer.from(end, 'latin1') }),
  })
  for (const { key, value } of found) {
    if (records.length > 0 && (records.length >= recordsMax || bytes >= bytesMax)) return { records, done: false }
    const size = Math.max(0, value.length - recordHeaderBytes)
    records.push({ key: toBinary(key), size, value: withValues ? checked(key, value) : undefined })
    bytes += key.length + value.length
  }
  return { records, done: true }
}

/** A view on the last commit. */
export function stateView(environment: Environment): ReadView {
  return {
    get: (key) => readState(environment, key),
    range: (start, end) => readStateRange(environment, start, end),
  }
}

const rangePageBytes = 64 * 1024

/** To be consumed within one turn: what is committed in between shows from the next page on. */
export function* readStateRange(
  environment: Environment,
  start: string,
  end: string | undefined,
): Generator<readonly [string, Uint8Array]> {
  if (end !== undefined && start >= end) return
  // A first page of one entry: most callers want one or few.
  let page = readStatePage(environment, { start, end, bytesMax: 1, entriesMax: 1 })
  for (let bytesMax = 1024; ; bytesMax = Math.min(rangePageBytes, bytesMax * 8)) {
    yield* page.entries
    const last = page.entries.at(-1)
    if (page.done || last === undefined) return
    page = readStatePage(environment, { start: keyAfter(last[0]), end, bytesMax })
  }
}

export interface StateCheck {
  readonly records: number
  /** Keys of those that are not what was written, as binary strings. */
  readonly damaged: readonly string[]
}

/** Reads every record, for a stopped node: it takes as long as the file is large. */
export function checkState(environment: Environment): StateCheck {
  let records = 0
  const damaged: string[] = []
  for (const { key, value } of environment.getRange({})) {
    records++
    if (decodeRecord(key, value) === undefined) damaged.push(toBinary(key))
  }
  return { records, damaged }
}

function checked(key: Uint8Array, record: Uint8Array): Uint8Array {
  const body = decodeRecord(key, record)
  if (body !== undefined) return body
  const what = `the record of key ${toBinary(key).slice(0, 80)} is damaged`
  throw new PaxosError('STORE_FAILED', `Cannot read state.mdb: ${what}`, { hint: stateDamagedHint })
}
