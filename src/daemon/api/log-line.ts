import { unreachable } from '../../base/assert.ts'
import { decodeBatch, decodeRequest } from '../../machine/command-codec.ts'
import type { Command, Compare, KeyRange, Operation, Request } from '../../machine/request.ts'
import { epochAfter } from '../../protocol/epoch-codec.ts'
import type { Slot } from '../../protocol/ids.ts'
import type { LogLine } from '../../runtime/replica-service.ts'
import type { CommandJson, LogLineJson, NextEpochJson } from '../../wire/api-types.ts'
import { binaryField, textOrBase64 } from './json.ts'

/** One slot for people: commands decoded, values as their sizes unless `withValues`. */
export function logLineJson(line: LogLine, withValues: boolean): LogLineJson {
  const { slot, epoch, state, entry } = line
  // Round 0 is nobody's ballot: the entry was learned from another member after it was chosen, and not voted for here.
  const voted = line.ballot?.round === 0 ? undefined : line.ballot
  const ballot = voted === undefined ? null : `${voted.round}.${voted.node}`
  if (entry === undefined) return { slot, epoch, state, ballot, kind: null }
  const common = { slot, epoch, state, ballot, kind: entry.kind, bytes: entry.payload.length }
  if (entry.kind === 'batch') return { ...common, ...batchJson(entry.payload, withValues) }
  if (entry.kind === 'stopSign') return { ...common, next: nextEpochJson(slot, entry.payload) }
  return common
}

/** Slots that are cut off. They may be of several epochs. */
export function truncatedLine(from: number, upTo: number): LogLineJson {
  return { slot: from, upTo, epoch: null, state: 'truncated', ballot: null, kind: null }
}

function nextEpochJson(slot: Slot, payload: Uint8Array): NextEpochJson | null {
  const next = epochAfter(slot, payload)
  if (next === undefined) return null
  const { number, q1, q2, featureLevel, members } = next
  return { epoch: number, q1, q2, featureLevel, members: members.map(({ name, kind }) => ({ name, kind })) }
}

function batchJson(payload: Uint8Array, withValues: boolean): { timeMs?: number; commands: CommandJson[] } {
  try {
    const batch = decodeBatch(payload)
    return { timeMs: batch.timeMs, commands: batch.requests.map((request) => requestJson(request, withValues)) }
  } catch {
    return { commands: [{ kind: 'malformed', bytes: payload.length }] }
  }
}

function requestJson(bytes: Uint8Array, withValues: boolean): CommandJson {
  let request: Request
  try {
    request = decodeRequest(bytes)
  } catch {
    // It is in the log all the same, and every replica answers it with the same error.
    return { kind: 'malformed', bytes: bytes.length }
  }
  const { session, command, origin } = request
  const stamp = session === undefined ? {} : { session: String(session.id), seq: session.seq }
  const who = origin === undefined ? {} : binaryField('actor', origin.actor)
  return { kind: command.kind, ...commandFields(command, withValues), ...stamp, ...who }
}

function commandFields(command: Command, withValues: boolean): Record<string, unknown> {
  switch (command.kind) {
    case 'put':
      return {
        ...binaryField('key', command.key),
        ...valueFields(command.value, withValues),
        ...(command.ifVersion === undefined ? {} : { ifVersion: command.ifVersion }),
      }
    case 'delete':
      return {
        ...binaryField('key', command.key),
        ...(command.ifVersion === undefined ? {} : { ifVersion: command.ifVersion }),
      }
    case 'deleteRange':
      return rangeFields(command.range)
    case 'txn':
      return {
        compare: command.compare.map((compare) => compareFields(compare, withValues)),
        // biome-ignore lint/suspicious/noThenProperty: the word of the API; never awaited.
        then: command.then.map((operation) => operationFields(operation, withValues)),
        else: command.else.map((operation) => operationFields(operation, withValues)),
      }
    case 'compact':
      return { revision: command.revision }
    case 'openSession':
      return { ttlMs: command.ttlMs }
    case 'note':
      return { action: command.action, ...binaryField('detail', command.detail) }
    case 'closeSession':
    case 'keepAlive':
      return {}
    default:
      return unreachable(command)
  }
}

function compareFields({ key, target, op, operand }: Compare, withValues: boolean): Record<string, unknown> {
  const common = { ...binaryField('key', key), target, op }
  if (typeof operand === 'number') return { ...common, operand }
  return { ...common, operandBytes: operand.length, ...(withValues ? textOrBase64('operand', operand) : {}) }
}

function operationFields(operation: Operation, withValues: boolean): Record<string, unknown> {
  const { kind } = operation
  if (kind === 'put') return { kind, ...binaryField('key', operation.key), ...valueFields(operation.value, withValues) }
  return { kind, ...rangeFields(operation.range) }
}

function valueFields(value: Uint8Array, withValues: boolean): Record<string, unknown> {
  return { valueBytes: value.length, ...(withValues ? textOrBase64('value', value) : {}) }
}

function rangeFields({ start, end }: KeyRange): Record<string, unknown> {
  return { ...binaryField('start', start), ...(end === undefined ? {} : binaryField('end', end)) }
}
