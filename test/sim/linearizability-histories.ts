import type { Random } from '../../src/base/random.ts'
import {
  type Comparison,
  emptyStart,
  type History,
  type Input,
  isRead,
  type Operation,
  type Output,
  type Start,
  type Step,
} from '../../src/sim/linearizability/history.ts'
import { execute } from '../../src/sim/linearizability/model.ts'
import { JournaledStore } from '../../src/sim/linearizability/store.ts'

export interface Shape {
  readonly operations: number
  readonly keys: number
  /** Operations that overlap, about. */
  readonly overlap: number
  /** Share of writes whose outcome stays unknown. */
  readonly unknown: number
  /** Share of operations that touch several keys. */
  readonly wide: number
  readonly reads: number
  readonly uniqueValues: boolean
}

/** A history that is legal by construction: each operation is run at a moment between its call and its return. */
export function legalHistory(random: Random, shape: Shape, start: Start = emptyStart): History {
  const store = new JournaledStore(start.items, { ranges: true, journal: false })
  let { revision } = start
  const operations: Operation[] = []
  for (let i = 0; i < shape.operations; i++) {
    const input = drawInput(random, shape, i)
    const isUnknown = !isRead(input) && random.chance(shape.unknown)
    const isRun = !isUnknown || random.chance(0.5)
    const output = isRun ? execute(store, input, revision, revision + 1) : undefined
    if (output !== undefined && output.kind !== 'mismatch') revision = output.revision
    // Ties of times are wanted now and then.
    const reach = (): number => Math.round(random.next() * shape.overlap * 4) / 4
    operations.push({
      client: random.integer(0, 16),
      invokedAt: i - reach(),
      returnedAt: isUnknown ? undefined : i + reach(),
      input,
      output: isUnknown ? undefined : output,
    })
  }
  return { start, operations: operations.sort((a, b) => a.invokedAt - b.invokedAt) }
}

/** Changes one thing about a history, so that it is illegal more often than not. */
export function mutated(random: Random, { start, operations }: History): History {
  const at = random.integer(0, operations.length)
  const target = operations[at]
  if (target === undefined) return { start, operations }
  const replace = (by: Operation): History => ({ start, operations: operations.with(at, by) })
  switch (random.integer(0, 6)) {
    case 0:
      return { start, operations: operations.toSpliced(at, 1) }
    case 1: {
      const output = operations[random.integer(0, operations.length)]?.output
      return replace({ ...target, output: output?.kind === target.output?.kind ? output : target.output })
    }
    case 2: {
      const { invokedAt, returnedAt } = target
      return replace({ ...target, invokedAt: invokedAt + 2, returnedAt: later(returnedAt, 2) })
    }
    case 3: {
      const { invokedAt, returnedAt } = target
      return replace({ ...target, returnedAt: later(returnedAt, -2, invokedAt) })
    }
    default:
      return replace({ ...target, output: target.output === undefined ? undefined : bent(random, target.output) })
  }
}

function bent(random: Random, output: Output): Output {
  const by = random.chance(0.5) ? 1 : -1
  switch (output.kind) {
    case 'mismatch':
      return output
    case 'put':
      return random.chance(0.5)
        ? { ...output, revision: output.revision + by }
        : { ...output, version: output.version + by }
    case 'item':
      if (output.item === undefined || random.chance(0.3)) return { ...output, revision: output.revision + by }
      return random.chance(0.5)
        ? { ...output, item: { ...output.item, version: output.item.version + by } }
        : { ...output, item: { ...output.item, value: 'v1' } }
    case 'delete':
      return random.chance(0.5) ? { ...output, revision: output.revision + by } : { ...output, deleted: 0 }
    case 'items':
      return random.chance(0.5)
        ? { ...output, revision: output.revision + by }
        : { ...output, items: output.items.slice(1) }
    case 'txn':
      return random.chance(0.5)
        ? { ...output, revision: output.revision + by }
        : { ...output, succeeded: !output.succeeded }
    default:
      return output
  }
}

function drawInput(random: Random, shape: Shape, number: number): Input {
  const key = drawKey(random, shape)
  const value = shape.uniqueValues ? `v${number}` : `v${random.integer(0, 2)}`
  const ifVersion = random.chance(0.2) ? random.integer(0, 3) : undefined
  if (random.chance(shape.wide)) return drawWide(random, shape, number)
  if (random.chance(shape.reads)) return { kind: 'get', key, at: undefined, isStale: false }
  return random.chance(0.2) ? { kind: 'delete', key, ifVersion } : { kind: 'put', key, value, ifVersion }
}

function drawWide(random: Random, shape: Shape, number: number): Input {
  const range = { start: drawKey(random, shape), end: random.chance(0.5) ? undefined : drawKey(random, shape) }
  const limit = random.integer(0, 3)
  switch (random.integer(0, 3)) {
    case 0:
      return { kind: 'range', range, limit, keysOnly: random.chance(0.3), at: undefined, isStale: false }
    case 1:
      return { kind: 'deleteRange', range }
    default: {
      const steps = (): Step[] =>
        Array.from({ length: random.integer(0, 3) }, (_, i) => drawStep(random, shape, number, i))
      const compare = Array.from({ length: random.integer(0, 3) }, () => drawComparison(random, shape))
      const then = steps()
      return { kind: 'txn', compare, then, else: steps() }
    }
  }
}

function drawStep(random: Random, shape: Shape, number: number, place: number): Step {
  const key = drawKey(random, shape)
  const range = { start: key, end: `${key}\0` }
  switch (random.integer(0, 4)) {
    case 0:
      return { kind: 'get', range, limit: random.integer(0, 2) }
    case 1:
      return { kind: 'delete', range }
    default:
      return { kind: 'put', key, value: shape.uniqueValues ? `v${number}.${place}` : `v${random.integer(0, 2)}` }
  }
}

function drawComparison(random: Random, shape: Shape): Comparison {
  const key = drawKey(random, shape)
  const op = (['=', '!=', '<', '>'] as const)[random.integer(0, 4)] ?? '='
  const target = (['value', 'version', 'createRevision', 'modRevision'] as const)[random.integer(0, 4)] ?? 'value'
  return { key, target, op, operand: target === 'value' ? `v${random.integer(0, 3)}` : random.integer(0, 4) }
}

function drawKey(random: Random, shape: Shape): string {
  return `k${random.integer(0, shape.keys)}`
}

function later(time: number | undefined, by: number, least = Number.NEGATIVE_INFINITY): number | undefined {
  return time === undefined ? undefined : Math.max(least, time + by)
}

export interface LoadShape {
  readonly operations: number
  readonly clients: number
  readonly keys: number
  readonly reads: number
  readonly unknown: number
}

/** What closed-loop clients record of a correct store, each with one operation at a time on one key. */
export function loadHistory(random: Random, { operations: count, clients, keys, reads, unknown }: LoadShape): History {
  const store = new JournaledStore([], { ranges: false, journal: false })
  const freeAt = new Float64Array(clients)
  let revision = 0
  const operations: Operation[] = []
  for (let i = 0; i < count; i++) {
    const client = i % clients
    // Moments rise by one; a client's call begins after its last return and before the moment.
    const invokedAt = Math.max(freeAt[client] ?? 0, i - clients * random.next())
    const returnedAt = i + clients * random.next() * 0.9
    freeAt[client] = returnedAt
    const key = `k${random.integer(0, keys)}`
    const ifVersion = random.chance(0.1) ? (store.get(key)?.version ?? 0) + random.integer(0, 2) : undefined
    const input: Input = random.chance(reads)
      ? { kind: 'get', key, at: undefined, isStale: false }
      : random.chance(0.05)
        ? { kind: 'delete', key, ifVersion: undefined }
        : { kind: 'put', key, value: `v${i}`, ifVersion }
    const isUnknown = !isRead(input) && random.chance(unknown)
    const output = isUnknown && random.chance(0.5) ? undefined : execute(store, input, revision, revision + 1)
    if (output !== undefined && output.kind !== 'mismatch') revision = output.revision
    operations.push(
      isUnknown
        ? { client, invokedAt, returnedAt: undefined, input, output: undefined }
        : { client, invokedAt, returnedAt, input, output },
    )
  }
  return { start: emptyStart, operations: operations.sort((a, b) => a.invokedAt - b.invokedAt) }
}
