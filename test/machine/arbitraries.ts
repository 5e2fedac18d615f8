import fc from 'fast-check'
import { type AuditRecord, adminActions, writeActions } from '../../src/machine/audit-record.ts'
import type {
  Answer,
  Command,
  Compare,
  Item,
  KeyRange,
  Operation,
  OperationResult,
  Query,
  Reply,
  Request,
} from '../../src/machine/request.ts'
import { toSlot } from '../../src/protocol/ids.ts'
import type { Origin } from '../../src/protocol/origin.ts'
import { toKey, txn } from './fixtures.ts'

/** With the prototype of a literal, so that it can equal one. */
export function record<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record<T>(model, { noNullPrototype: true })
}

const counter = fc.maxSafeNat()
const revision = fc.option(counter, { nil: undefined })
const blob = fc.uint8Array({ maxLength: 40 })
const slot = counter.map(toSlot)
const limit = fc.nat({ max: 0xffffffff })

function binary(constraints: { minLength?: number; maxLength: number }): fc.Arbitrary<string> {
  return fc.string({ ...constraints, unit: fc.nat({ max: 255 }).map((unit) => String.fromCharCode(unit)) })
}

export const key = binary({ minLength: 1, maxLength: 20 }).map(toKey)

const range: fc.Arbitrary<KeyRange> = fc
  .tuple(binary({ maxLength: 20 }), fc.option(binary({ maxLength: 20 }), { nil: undefined }))
  .filter(([start, end]) => end === undefined || end > start)
  .map(([start, end]) => ({ start, end }))

const operation: fc.Arbitrary<Operation> = fc.oneof(
  record({ kind: fc.constant('put' as const), key, value: blob }),
  record({ kind: fc.constant('get' as const), range, limit }),
  record({ kind: fc.constant('delete' as const), range }),
)

const op = fc.constantFrom('=' as const, '!=' as const, '<' as const, '>' as const)
const compare: fc.Arbitrary<Compare> = fc.oneof(
  record({ key, target: fc.constant('value' as const), op, operand: blob }),
  record({
    key,
    target: fc.constantFrom('version' as const, 'createRevision' as const, 'modRevision' as const),
    op,
    operand: counter,
  }),
)

const operations = fc.array(operation, { maxLength: 5 })

const command: fc.Arbitrary<Command> = fc.oneof(
  record({ kind: fc.constant('put' as const), key, value: blob, ifVersion: revision }),
  record({ kind: fc.constant('delete' as const), key, ifVersion: revision }),
  record({ kind: fc.constant('deleteRange' as const), range }),
  fc.tuple(fc.array(compare, { maxLength: 5 }), operations, operations).map((parts) => txn(...parts)),
  record({ kind: fc.constant('compact' as const), revision: counter }),
  record({ kind: fc.constant('openSession' as const), ttlMs: counter }),
  fc.constant({ kind: 'closeSession' as const }),
  fc.constant({ kind: 'keepAlive' as const }),
  record({
    kind: fc.constant('note' as const),
    action: fc.constantFrom(...adminActions),
    detail: binary({ maxLength: 1024 }),
  }),
)

const origin: fc.Arbitrary<Origin> = record({
  actor: binary({ maxLength: 128 }),
  node: binary({ maxLength: 63 }),
  address: binary({ maxLength: 64 }),
})
const session = fc.option(record({ id: counter, seq: counter, ackedBelow: counter }), { nil: undefined })

export const request: fc.Arbitrary<Request> = fc.oneof(
  record({ session, command }),
  record({ session, command, origin }),
)

export const auditRecord: fc.Arbitrary<AuditRecord> = record({
  number: counter,
  slot: counter,
  timeMs: counter,
  revision: counter,
  action: fc.constantFrom(...adminActions, ...writeActions),
  origin,
  detail: binary({ maxLength: 40 }),
  ranges: fc.array(range, { maxLength: 16 }),
  rangesLeftOut: fc.nat({ max: 0xffff }),
})

const item: fc.Arbitrary<Item> = record({
  key,
  value: blob,
  createRevision: counter,
  modRevision: counter,
  version: counter,
})
const items = fc.array(item, { maxLength: 5 })

const result: fc.Arbitrary<OperationResult> = fc.oneof(
  record({ kind: fc.constant('put' as const), version: counter }),
  record({ kind: fc.constant('get' as const), items, more: fc.boolean() }),
  record({ kind: fc.constant('delete' as const), deleted: counter }),
)

const code = fc.constantFrom('BAD_REQUEST' as const, 'SESSION_EXPIRED' as const, 'OUTCOME_UNKNOWN' as const)
const message = fc.string({ unit: 'binary', maxLength: 30 })

export const reply: fc.Arbitrary<Reply> = fc.oneof(
  record({ kind: fc.constant('put' as const), slot, revision: counter, version: counter }),
  record({ kind: fc.constant('delete' as const), slot, revision: counter, deleted: counter }),
  record({
    kind: fc.constant('txn' as const),
    slot,
    revision: counter,
    succeeded: fc.boolean(),
    results: fc.array(result, { maxLength: 5 }),
  }),
  record({ kind: fc.constant('compact' as const), slot, revision: counter, compacted: counter }),
  record({ kind: fc.constant('session' as const), slot, id: counter, ttlMs: counter }),
  record({ kind: fc.constant('noted' as const), slot, number: counter }),
  record({ kind: fc.constant('error' as const), slot, code, message }),
)

export const query: fc.Arbitrary<Query> = fc.oneof(
  record({ kind: fc.constant('get' as const), key, revision }),
  record({ kind: fc.constant('range' as const), range, limit, revision, keysOnly: fc.boolean() }),
  record({
    kind: fc.constant('trail' as const),
    trail: fc.constantFrom('admin' as const, 'writes' as const),
    before: revision,
    limit,
    key: fc.option(key, { nil: undefined }),
  }),
  record({ kind: fc.constant('changes' as const), key, before: revision, limit }),
)

export const answer: fc.Arbitrary<Answer> = fc.oneof(
  record({ kind: fc.constant('item' as const), item: fc.option(item, { nil: undefined }), revision: counter }),
  record({ kind: fc.constant('items' as const), items, more: fc.boolean(), revision: counter }),
  record({
    kind: fc.constant('trail' as const),
    records: fc.array(auditRecord, { maxLength: 3 }),
    next: revision,
    revision: counter,
  }),
  record({
    kind: fc.constant('changes' as const),
    changes: fc.array(
      record({
        revision: counter,
        kind: fc.constantFrom(undefined, 'put' as const, 'delete' as const),
        record: fc.option(auditRecord, { nil: undefined }),
      }),
      { maxLength: 3 },
    ),
    next: revision,
    compactedRevision: counter,
    revision: counter,
  }),
  record({ kind: fc.constant('error' as const), code, message, revision: counter }),
)
