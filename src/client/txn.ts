import { unreachable } from '../base/assert.ts'
import { PaxosError } from '../base/error.ts'
import { keyRange } from '../machine/footprint.ts'
import type { Command, Compare, KeyRange, Operation, OperationResult } from '../machine/request.ts'
import { type Bytes, KeyValue, type RangeOptions, toBytes, toKey, toRange } from './key-value.ts'

export interface TxnCompare {
  readonly key: Bytes
  readonly target: Compare['target']
  readonly op: Compare['op']
  /** Text or bytes for the target `value`, a number for the others. A missing key has an empty value and counters 0. */
  readonly operand: Bytes | number
}

export interface TxnKeys extends Omit<RangeOptions, 'all'> {
  readonly key?: Bytes | undefined
}

export type TxnOperation =
  | { readonly put: { readonly key: Bytes; readonly value: Bytes } }
  | { readonly get: TxnKeys & { readonly limit?: number | undefined } }
  | { readonly delete: TxnKeys }

export interface Txn {
  readonly compare?: readonly TxnCompare[] | undefined
  readonly then?: readonly TxnOperation[] | undefined
  readonly else?: readonly TxnOperation[] | undefined
}

export type TxnOperationResult =
  | { readonly put: { readonly version: number } }
  | { readonly get: { readonly items: readonly KeyValue[]; readonly more: boolean } }
  | { readonly delete: { readonly deleted: number } }

/** Throws PaxosError BAD_REQUEST. */
export function toTxnCommand(txn: Txn): Command {
  return {
    kind: 'txn',
    compare: (txn.compare ?? []).map(toCompare),
    // biome-ignore lint/suspicious/noThenProperty: the word of the API; never awaited.
    then: (txn.then ?? []).map(toOperation),
    else: (txn.else ?? []).map(toOperation),
  }
}

export function toTxnResult(result: OperationResult): TxnOperationResult {
  switch (result.kind) {
    case 'put':
      return { put: { version: result.version } }
    case 'get':
      return { get: { items: result.items.map((item) => new KeyValue(item)), more: result.more } }
    case 'delete':
      return { delete: { deleted: result.deleted } }
    default:
      return unreachable(result)
  }
}

function toCompare({ key, target, op, operand }: TxnCompare): Compare {
  return { key: toKey(key), target, op, operand: typeof operand === 'number' ? operand : toBytes(operand) }
}

function toOperation(operation: TxnOperation): Operation {
  if ('put' in operation) {
    return { kind: 'put', key: toKey(operation.put.key), value: toBytes(operation.put.value) }
  }
  if ('get' in operation) return { kind: 'get', range: toKeys(operation.get), limit: operation.get.limit ?? 0 }
  return { kind: 'delete', range: toKeys(operation.delete) }
}

function toKeys({ key, ...range }: TxnKeys): KeyRange {
  const keys = toRange(range)
  if ((key === undefined) === (keys === undefined)) {
    throw new PaxosError('BAD_REQUEST', 'An operation needs key, or prefix, or start and end')
  }
  return key === undefined ? (keys ?? { start: '', end: undefined }) : keyRange(toKey(key))
}
