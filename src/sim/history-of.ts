import { toBinary } from '../base/bytes.ts'
import type { Answer, Command, Item, Operation as MachineOperation, Query, Reply } from '../machine/request.ts'
import type { ClientOperation } from './client.ts'
import {
  emptyStart,
  type History,
  type Item as HistoryItem,
  type Input,
  type Operation,
  type Output,
  type Step,
  type StepResult,
} from './linearizability/history.ts'

/** What the checkers judge of what simulated clients saw. Sessions and compaction are no part of the data. */
export function historyOf(operations: readonly ClientOperation[]): History {
  return { start: emptyStart, operations: operations.flatMap((operation) => operationOf(operation) ?? []) }
}

function operationOf({ client, invokedAt, returnedAt, input, output }: ClientOperation): Operation | undefined {
  const asked = input.kind === 'command' ? writeOf(input.command) : readOf(input.query, input.isStale)
  if (asked === undefined) return undefined
  if (returnedAt === undefined || output === undefined) {
    return { client, invokedAt, returnedAt: undefined, input: asked, output: undefined }
  }
  if (output.kind === 'error' && output.code === 'SESSION_EXPIRED') {
    // An earlier attempt may have been done before the session ended.
    return { client, invokedAt, returnedAt: undefined, input: asked, output: undefined }
  }
  const told = outputOf(output)
  return told === undefined ? undefined : { client, invokedAt, returnedAt, input: asked, output: told }
}

function writeOf(command: Command): Input | undefined {
  switch (command.kind) {
    case 'put':
      return { kind: 'put', key: command.key, value: toBinary(command.value), ifVersion: command.ifVersion }
    case 'delete':
      return { kind: 'delete', key: command.key, ifVersion: command.ifVersion }
    case 'deleteRange':
      return { kind: 'deleteRange', range: command.range }
    case 'txn':
      return {
        kind: 'txn',
        compare: command.compare.map(({ operand, ...rest }) => ({
          ...rest,
          operand: typeof operand === 'number' ? operand : toBinary(operand),
        })),
        // biome-ignore lint/suspicious/noThenProperty: the API's word for it
        then: command.then.map(stepOf),
        else: command.else.map(stepOf),
      }
    default:
      return undefined
  }
}

function stepOf(operation: MachineOperation): Step {
  return operation.kind === 'put' ? { ...operation, value: toBinary(operation.value) } : operation
}

function readOf(query: Query, isStale: boolean): Input {
  const { revision: at } = query
  if (query.kind === 'get') return { kind: 'get', key: query.key, at, isStale }
  return { kind: 'range', range: query.range, limit: query.limit, keysOnly: query.keysOnly, at, isStale }
}

/** Undefined for what certainly changed and showed nothing. */
function outputOf(output: Reply | Answer): Output | undefined {
  switch (output.kind) {
    case 'put':
      return { kind: 'put', revision: output.revision, version: output.version }
    case 'delete':
      return { kind: 'delete', revision: output.revision, deleted: output.deleted }
    case 'txn': {
      const results = output.results.map(
        (result): StepResult => (result.kind === 'get' ? { ...result, items: result.items.map(itemOf) } : result),
      )
      return { kind: 'txn', revision: output.revision, succeeded: output.succeeded, results }
    }
    case 'item':
      return {
        kind: 'item',
        revision: output.revision,
        item: output.item === undefined ? undefined : itemOf(output.item),
      }
    case 'items':
      return { kind: 'items', revision: output.revision, items: output.items.map(itemOf), more: output.more }
    case 'error':
      return output.code === 'PRECONDITION_FAILED' ? { kind: 'mismatch' } : undefined
    default:
      return undefined
  }
}

function itemOf(item: Item): HistoryItem {
  return { ...item, value: toBinary(item.value) }
}
