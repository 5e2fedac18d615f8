/**
 * Says which of the pieces became slower or faster since bench/baseline.json was written, each relative to a calibration
 * loop that runs beside it. It informs; noise of a busy machine is for people to judge.
 *
 *     node bench/regression.ts [--write]
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { table } from '../src/cli/output.ts'
import { microBenchmarks } from './micro/all.ts'
import { calibration, processorMs, rateOf } from './micro/micro-benchmark.ts'

export interface Comparison {
  readonly name: string
  /** How much a round of calibration is worth, now and in the baseline. */
  readonly now: number
  readonly baseline: number | undefined
}

const baselineFile = join(import.meta.dirname, 'baseline.json')
/** The best of several short runs: neighbours on the machine only ever make it slower. */
const runs = 3

/** Milliseconds of processor time for each. Short, so that it can be part of every test run. */
const runMs = 40

/** Runs every piece, with calibration beside it: about eight seconds in all. */
export function compareWithBaseline(): readonly Comparison[] {
  const baseline = JSON.parse(readFileSync(baselineFile, 'utf8')) as Readonly<Record<string, number>>
  let round = 0
  const best = microBenchmarks().map((benchmark) => {
    let rate = 0
    for (let run = 0; run < runs; run++) {
      round = Math.max(round, rateOf(calibration, runMs, processorMs))
      rate = Math.max(rate, rateOf(benchmark, runMs, processorMs))
    }
    return { name: benchmark.name, rate }
  })
  return best.map(({ name, rate }) => ({ name, now: rate / round, baseline: baseline[name] }))
}

export function renderComparison(comparisons: readonly Comparison[]): string {
  return table(comparisons, [
    { title: 'PIECE', value: ({ name }) => name },
    { title: 'PER ROUND', align: 'right', value: ({ now }) => now.toPrecision(3) },
    { title: 'BASELINE', align: 'right', value: ({ baseline }) => baseline?.toPrecision(3) ?? 'none' },
    {
      title: 'SPEED',
      align: 'right',
      value: ({ now, baseline }) => (baseline === undefined ? '' : `${(now / baseline).toFixed(2)} ×`),
    },
  ])
}

if (import.meta.main) {
  const { values: flags } = parseArgs({ options: { write: { type: 'boolean', default: false } } })
  const comparisons = compareWithBaseline()
  console.log(renderComparison(comparisons))
  if (flags.write) {
    const baseline = Object.fromEntries(comparisons.map(({ name, now }) => [name, Number(now.toPrecision(3))]))
    writeFileSync(baselineFile, `${JSON.stringify(baseline, null, 2)}\n`)
  }
}
