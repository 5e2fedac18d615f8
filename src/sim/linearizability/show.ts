import { unreachable } from '../../base/assert.ts'
import { keyAfter } from '../../base/order.ts'
import type { KeyRange } from '../../machine/request.ts'
import type { Comparison, Input, Item, Operation, Output, Step, StepResult } from './history.ts'

const textMax = 40

/** `client 3: put a = "x" → version 2, revision 7` */
export function showOperation({ client, input, output }: Operation): string {
  return `client ${client}: ${showInput(input)} → ${output === undefined ? 'unknown' : showOutput(output)}`
}

export function showInput(input: Input): string {
  switch (input.kind) {
    case 'put':
      return `put ${text(input.key)} = ${text(input.value)}${showCondition(input.ifVersion)}`
    case 'delete':
      return `delete ${text(input.key)}${showCondition(input.ifVersion)}`
    case 'deleteRange':
      return `delete ${showRange(input.range)}`
    case 'txn': {
      const condition = input.compare.map(showComparison).join(' and ') || 'true'
      return `if ${condition} then [${input.then.map(showStep).join(', ')}] else [${input.else.map(showStep).join(', ')}]`
    }
    case 'get':
      return `${input.isStale ? 'stale ' : ''}get ${text(input.key)}${showAt(input.at)}`
    case 'range':
      return `${input.isStale ? 'stale ' : ''}list ${showRange(input.range)}${showLimit(input.limit)}${showAt(input.at)}`
    default:
      return unreachable(input)
  }
}

export function showOutput(output: Output): string {
  switch (output.kind) {
    case 'put':
      return `version ${output.version}, revision ${output.revision}`
    case 'delete':
      return `${output.deleted} deleted, revision ${output.revision}`
    case 'txn': {
      const results = output.results.map(showResult).join(', ')
      return `${output.succeeded ? 'then' : 'else'} [${results}], revision ${output.revision}`
    }
    case 'item':
      return `${output.item === undefined ? 'none' : showItem(output.item)}, revision ${output.revision}`
    case 'items':
      return `${showItems(output.items, output.more)}, revision ${output.revision}`
    case 'mismatch':
      return 'refused'
    default:
      return unreachable(output)
  }
}

function showStep(step: Step): string {
  if (step.kind === 'put') return `put ${text(step.key)} = ${text(step.value)}`
  return step.kind === 'get'
    ? `get ${showRange(step.range)}${showLimit(step.limit)}`
    : `delete ${showRange(step.range)}`
}

function showResult(result: StepResult): string {
  switch (result.kind) {
    case 'put':
      return `version ${result.version}`
    case 'get':
      return showItems(result.items, result.more)
    case 'delete':
      return `${result.deleted} deleted`
    default:
      return unreachable(result)
  }
}

function showItems(items: readonly Item[], more: boolean): string {
  const shown = items.slice(0, 4).map((item) => `${text(item.key)}: ${showItem(item)}`)
  if (items.length > shown.length) shown.push(`${items.length} in all`)
  return `{${shown.join('; ')}}${more ? ' and more' : ''}`
}

function showItem({ value, version, createRevision, modRevision }: Item): string {
  return `${text(value)} (version ${version}, created ${createRevision}, changed ${modRevision})`
}

function showComparison({ key, target, op, operand }: Comparison): string {
  return `${target} of ${text(key)} ${op} ${typeof operand === 'string' ? text(operand) : operand}`
}

function showRange({ start, end }: KeyRange): string {
  return end === keyAfter(start) ? text(start) : `[${text(start)}, ${end === undefined ? '∞' : text(end)})`
}

function showCondition(ifVersion: number | undefined): string {
  return ifVersion === undefined ? '' : ` if version ${ifVersion}`
}

function showAt(at: number | undefined): string {
  return at === undefined ? '' : ` at revision ${at}`
}

function showLimit(limit: number): string {
  return limit === 0 ? '' : ` limit ${limit}`
}

function text(binary: string): string {
  return JSON.stringify(binary.length > textMax ? `${binary.slice(0, textMax)}…` : binary)
}
