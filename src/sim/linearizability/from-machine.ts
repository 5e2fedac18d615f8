import { unreachable } from '../../base/assert.ts'
import { toBinary } from '../../base/bytes.ts'
import { errorCodes } from '../../base/error.ts'
import type {
  Answer,
  Command,
  DataQuery,
  Item as MachineItem,
  OperationResult as MachineResult,
  Operation as MachineStep,
  Reply,
} from '../../machine/request.ts'
import {
  emptyStart,
  type History,
  type Input,
  type Item,
  isRead,
  type Operation,
  type Output,
  type Start,
  type Step,
  type StepResult,
} from './history.ts'

/** What a client asked of the machine and what it was told. `returnedAt` undefined: it never learned the outcome. */
export interface Call {
  readonly client: number
  readonly invokedAt: number
  readonly returnedAt: number | undefined
  readonly input:
    | { readonly kind: 'command'; readonly command: Command }
    | { readonly kind: 'query'; readonly query: DataQuery; readonly isStale: boolean }
  readonly output: Reply | Answer | undefined
}

/** Leaves out what says nothing about the data: sessions, compaction, and what was certainly not done. */
export function toHistory(calls: readonly Call[], start: Start = emptyStart): History {
  const operations: Operation[] = []
  for (const call of calls) {
    const operation = toOperation(call)
    if (operation !== undefined) operations.push(operation)
  }
  return { start, operations }
}

export function toOperation({
  client,
  invokedAt,
  returnedAt,
  input: asked,
  output: told,
}: Call): Operation | undefined {
  const input = asked.kind === 'command' ? fromCommand(asked.command) : fromQuery(asked.query, asked.isStale)
  if (input === undefined) return undefined
  const unknown = isRead(input) ? undefined : { client, invokedAt, returnedAt: undefined, input, output: undefined }
  // Without a return there may still be an output: the log shows what became of the operation.
  if (told === undefined) return unknown
  if (told.kind === 'error') {
    const isMismatch = told.code === 'PRECONDITION_FAILED' && !isRead(input)
    if (isMismatch) return { client, invokedAt, returnedAt, input, output: { kind: 'mismatch' } }
    return errorCodes[told.code].done === 'unknown' ? unknown : undefined
  }
  const output = fromReply(told)
  return output === undefined ? undefined : { client, invokedAt, returnedAt, input, output }
}

function fromCommand(command: Command): Input | undefined {
  switch (command.kind) {
    case 'put':
      return { kind: 'put', key: command.key, value: toBinary(command.value), ifVersion: command.ifVersion }
    case 'delete':
    case 'deleteRange':
      return command
    case 'txn': {
      const compare = command.compare.map(({ key, target, op, operand }) => ({
        key,
        target,
        op,
        operand: typeof operand === 'number' ? operand : toBinary(operand),
      }))
      const then = command.then.map(fromStep)
      return { kind: 'txn', compare, then, else: command.else.map(fromStep) }
    }
    case 'compact':
    case 'openSession':
    case 'closeSession':
    case 'keepAlive':
    case 'note':
      return undefined
    default:
      return unreachable(command)
  }
}

function fromQuery(query: DataQuery, isStale: boolean): Input {
  const at = query.revision
  if (query.kind === 'get') return { kind: 'get', key: query.key, at, isStale }
  const { range, limit, keysOnly } = query
  return { kind: 'range', range, limit, keysOnly, at, isStale }
}

function fromStep(step: MachineStep): Step {
  return step.kind === 'put' ? { kind: 'put', key: step.key, value: toBinary(step.value) } : step
}

function fromReply(told: Exclude<Reply | Answer, { kind: 'error' }>): Output | undefined {
  switch (told.kind) {
    case 'put':
      return { kind: 'put', revision: told.revision, version: told.version }
    case 'delete':
      return { kind: 'delete', revision: told.revision, deleted: told.deleted }
    case 'txn': {
      const { revision, succeeded, results } = told
      return { kind: 'txn', revision, succeeded, results: results.map(fromResult) }
    }
    case 'item':
      return {
        kind: 'item',
        revision: told.revision,
        item: told.item === undefined ? undefined : fromItem(told.item),
      }
    case 'items':
      return { kind: 'items', revision: told.revision, items: told.items.map(fromItem), more: told.more }
    case 'compact':
    case 'session':
    case 'noted':
    case 'trail':
    case 'changes':
      return undefined
    default:
      return unreachable(told)
  }
}

function fromResult(result: MachineResult): StepResult {
  return result.kind === 'get' ? { kind: 'get', items: result.items.map(fromItem), more: result.more } : result
}

export function fromItem({ key, value, createRevision, modRevision, version }: MachineItem): Item {
  return { key, value: toBinary(value), createRevision, modRevision, version }
}
