import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random } from '../../src/base/random.ts'
import { emptyStart, type History } from '../../src/sim/linearizability/history.ts'
import { replay } from '../../src/sim/linearizability/replay.ts'
import { showOperation } from '../../src/sim/linearizability/show.ts'
import type { Violation } from '../../src/sim/linearizability/verdict.ts'
import { searchOrder, type WglOptions } from '../../src/sim/linearizability/wgl.ts'
import { legalHistory, mutated, type Shape } from './linearizability-histories.ts'
import { isLinearizable } from './linearizability-judge.ts'

const histories = Number(process.env['PAXOS_HISTORIES'] ?? 6000)
const firstSeed = Number(process.env['PAXOS_FIRST_SEED'] ?? 1)

test('replay, search and brute force agree on small random histories, legal and illegal', () => {
  const counts = { legal: 0, illegal: 0, blindLegal: 0, blindIllegal: 0 }
  for (let seed = firstSeed; seed < firstSeed + histories; seed++) {
    const random = new Random(seed)
    let history = legalHistory(random, drawShape(random), random.chance(0.3) ? start : emptyStart)
    const mutations = random.integer(0, 4)
    for (let i = 0; i < mutations; i++) history = mutated(random, history)

    const isLegal = isLinearizable(history, 'full')
    if (mutations === 0) assert.ok(isLegal, told(seed, history))
    counts[isLegal ? 'legal' : 'illegal']++
    agrees(replay(history), isLegal, `replay, ${told(seed, history)}`)
    agrees(searchOrder(history, { precision: 'full' }), isLegal, `search in full, ${told(seed, history)}`)

    const isBlindLegal = isLinearizable(history, 'blind')
    counts[isBlindLegal ? 'blindLegal' : 'blindIllegal']++
    const ways: readonly WglOptions[] = [{}, { isExact: true }, { endsMax: 1 }, { endsMax: 0, isExact: true }]
    for (const options of ways) {
      agrees(searchOrder(history, options), isBlindLegal, `search ${JSON.stringify(options)}, ${told(seed, history)}`)
    }
  }
  // Agreement on one kind only would prove little.
  for (const [kind, count] of Object.entries(counts)) assert.ok(count > histories / 10, `${kind}: ${count}`)
})

const start = {
  revision: 4,
  items: [{ key: 'k0', value: 'v1', createRevision: 2, modRevision: 3, version: 2 }],
}

function drawShape(random: Random): Shape {
  return {
    operations: random.integer(1, 8),
    keys: random.integer(1, 4),
    overlap: [0, 1, 2, 6][random.integer(0, 4)] ?? 0,
    unknown: [0, 0.3, 0.7][random.integer(0, 3)] ?? 0,
    wide: [0, 0.2, 0.6][random.integer(0, 3)] ?? 0,
    reads: [0.1, 0.5][random.integer(0, 2)] ?? 0,
    uniqueValues: random.chance(0.5),
  }
}

function agrees(result: { readonly kind: 'legal' } | Violation, isLegal: boolean, told: string): void {
  if ('kind' in result) {
    assert.ok(isLegal, `accepted what is illegal: ${told}`)
    return
  }
  assert.notEqual(result.violation, 'undecided', told)
  assert.ok(!isLegal, `refused what is legal: ${result.violation}, ${result.message}, ${told}`)
}

function told(seed: number, { operations }: History): string {
  const lines = operations.map((each) => `[${each.invokedAt}, ${each.returnedAt ?? '…'}] ${showOperation(each)}`)
  return `seed ${seed}\n${lines.join('\n')}\n`
}
