import { fromBinary } from '../base/bytes.ts'
import type { Random } from '../base/random.ts'
import { keyRange } from '../machine/footprint.ts'
import type { Command, Compare, DataQuery, Key, Operation } from '../machine/request.ts'
import type { WorkloadOptions } from './options.ts'

const allKeys = { start: 'k', end: 'l' } as const

/** A random write. `unique` makes its value one that nobody else ever writes. */
export function drawCommand(random: Random, workload: WorkloadOptions, unique: string): Command {
  const key = drawKey(random, workload)
  if (random.chance(workload.compactions)) return { kind: 'compact', revision: random.integer(0, 200) }
  if (random.chance(workload.transactions)) return drawTransaction(random, workload, unique)
  const ifVersion = random.chance(0.2) ? random.integer(0, 3) : undefined
  if (random.chance(workload.deletes)) {
    return random.chance(0.1) ? { kind: 'deleteRange', range: allKeys } : { kind: 'delete', key, ifVersion }
  }
  return { kind: 'put', key, value: fromBinary(unique), ifVersion }
}

export function drawQuery(random: Random, workload: WorkloadOptions): DataQuery {
  if (random.chance(0.2)) return { kind: 'range', range: allKeys, limit: 100, revision: undefined, keysOnly: false }
  return { kind: 'get', key: drawKey(random, workload), revision: undefined }
}

function drawTransaction(random: Random, workload: WorkloadOptions, unique: string): Command {
  const compare: Compare[] = [
    {
      key: drawKey(random, workload),
      target: 'version',
      op: random.chance(0.5) ? '>' : '=',
      operand: random.integer(0, 3),
    },
  ]
  const then: Operation[] = []
  const names = new Set<string>()
  for (let n = random.integer(1, 4); n > 0; n--) {
    const key = drawKey(random, workload)
    if (names.has(key)) continue
    names.add(key)
    if (random.chance(0.3)) then.push({ kind: 'get', range: keyRange(key), limit: 1 })
    else then.push({ kind: 'put', key, value: fromBinary(`${unique}.${n}`) })
  }
  const other = drawKey(random, workload)
  return { kind: 'txn', compare, then, else: [{ kind: 'get', range: keyRange(other), limit: 1 }] }
}

function drawKey(random: Random, workload: WorkloadOptions): Key {
  return `k${random.integer(0, workload.keys)}` as Key
}
