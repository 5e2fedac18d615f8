import { unreachable } from '../base/assert.ts'
import { keyAfter } from '../base/order.ts'
import type { Key, KeyRange, Operation, Request } from './request.ts'

/** What applying a request may read and write. Two requests whose footprints do not meet may be applied in either order. */
export interface Footprint {
  readonly reads: readonly KeyRange[]
  readonly writes: readonly KeyRange[]
  /** Requests of one session depend on each other through its stored replies. */
  readonly session: number | undefined
  /** It depends on what no key stands for, so it meets every other request. */
  readonly global: boolean
}

export function footprint({ session, command }: Request): Footprint {
  const of = (reads: readonly KeyRange[], writes: readonly KeyRange[], global = false): Footprint => ({
    reads,
    writes,
    session: session?.id,
    global,
  })
  switch (command.kind) {
    case 'put':
    case 'delete': {
      const range = keyRange(command.key)
      // Even an unconditional put reads: its reply says the version, and a delete's reply whether there was a key.
      return of([range], [range])
    }
    case 'deleteRange':
      return of([command.range], [command.range])
    case 'txn': {
      const operations = [...command.then, ...command.else]
      const reads = [...command.compare.map(({ key }) => keyRange(key)), ...operations.map(rangeOf)]
      return of(reads, operations.filter(({ kind }) => kind !== 'get').map(rangeOf))
    }
    case 'compact':
    case 'openSession':
    case 'note':
      return of([], [], true)
    case 'closeSession':
    case 'keepAlive':
      return of([], [])
    default:
      return unreachable(command)
  }
}

/** The range that holds one key only. */
export function keyRange(key: Key): KeyRange {
  return { start: key, end: keyAfter(key) }
}

function rangeOf(operation: Operation): KeyRange {
  return operation.kind === 'put' ? keyRange(operation.key) : operation.range
}
