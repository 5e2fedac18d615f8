import type { SeedReport } from '../../sim/campaign.ts'
import { Coverage } from '../../sim/fault-points.ts'
import { fields, table } from '../output.ts'

export interface SummaryJson {
  readonly seeds: number
  readonly failed: readonly { readonly seed: number; readonly check: string; readonly message: string }[]
  readonly simulatedSeconds: number
  readonly wallSeconds: number
  readonly operations: number
  readonly chosenSlots: number
  readonly livenessSeeds: number
  readonly coverage: Readonly<Record<string, number>>
  readonly neverHit: readonly string[]
}

/** What came of many seeds. */
export class Summary {
  readonly failed: { seed: number; check: string; message: string }[] = []
  readonly #startedAt = performance.now()
  readonly #coverage = new Coverage()
  seeds = 0
  #simulatedMs = 0
  #operations = 0
  #chosenSlots = 0
  #livenessSeeds = 0

  add(report: SeedReport): void {
    this.seeds++
    this.#simulatedMs += report.simulatedMs
    this.#operations += report.answered
    this.#chosenSlots += report.chosenSlots
    if (report.hasLivenessPhase) this.#livenessSeeds++
    this.#coverage.add(report.coverage)
    if (report.failure === undefined) return
    this.failed.push({ seed: report.seed, check: report.failure.check, message: report.failure.message })
  }

  toJSON(): SummaryJson {
    return {
      seeds: this.seeds,
      failed: [...this.failed].sort((a, b) => a.seed - b.seed),
      simulatedSeconds: Math.round(this.#simulatedMs / 1000),
      wallSeconds: Math.round((performance.now() - this.#startedAt) / 100) / 10,
      operations: this.#operations,
      chosenSlots: this.#chosenSlots,
      livenessSeeds: this.#livenessSeeds,
      coverage: this.#coverage.toJSON(),
      neverHit: this.#coverage.never,
    }
  }
}

export function renderSummary(summary: SummaryJson): string {
  const { seeds, failed, simulatedSeconds, wallSeconds, operations, chosenSlots, livenessSeeds, neverHit } = summary
  const head = fields([
    ['seeds', `${seeds}, ${failed.length} failed, ${livenessSeeds} with a liveness phase`],
    [
      'simulated',
      `${simulatedSeconds} s in ${wallSeconds} s (${Math.round(simulatedSeconds / Math.max(wallSeconds, 0.1))} to 1)`,
    ],
    ['work', `${operations} operations answered, ${chosenSlots} slots chosen`],
    ['never hit', neverHit.length === 0 ? 'no fault point' : neverHit.join(', ')],
  ])
  const points = table(Object.entries(summary.coverage), [
    { title: 'FAULT POINT', value: ([point]) => point },
    { title: 'HITS', align: 'right', value: ([, hits]) => String(hits) },
  ])
  if (failed.length === 0) return `${head}\n\n${points}`
  const failures = table(failed, [
    { title: 'SEED', align: 'right', value: ({ seed }) => String(seed) },
    { title: 'CHECK', value: ({ check }) => check },
    { title: 'MESSAGE', value: ({ message }) => message.split('\n')[0] ?? '' },
  ])
  return `${head}\n\n${points}\n\n${failures}`
}
