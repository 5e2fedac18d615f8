import type { SimOptions } from './options.ts'
import { expandBeyond, expandSeed } from './options.ts'
import { shrink } from './shrink.ts'
import { type HistoryCheck, type SimFailure, type SimResult, simulate } from './simulator.ts'

/** What is kept of one seed. Plain data: it travels between threads. */
export interface SeedReport {
  readonly seed: number
  readonly failure: SimFailure | undefined
  readonly traceHash: string
  readonly events: number
  readonly simulatedMs: number
  readonly chosenSlots: number
  readonly answered: number
  readonly hasLivenessPhase: boolean
  readonly coverage: Readonly<Record<string, number>>
}

/** How seeds are expanded. Plain data: it travels between threads. */
export interface Campaign {
  readonly durationMs: number
  readonly isBeyond: boolean
  /** Nodes of every cluster; undefined: as the seed has it. */
  readonly nodes: number | undefined
}

export function optionsOf(seed: number, { durationMs, isBeyond, nodes }: Campaign): SimOptions {
  return isBeyond ? expandBeyond(seed, durationMs, nodes) : expandSeed(seed, durationMs, nodes)
}

export function runSeed(given: SimOptions, check: HistoryCheck): SeedReport {
  const result = simulate(given, check)
  const { failure, traceHash, events, simulatedMs, chosenSlots, answered, coverage, options } = result
  const { hasLivenessPhase } = options
  return {
    seed: given.seed,
    failure,
    traceHash,
    events,
    simulatedMs,
    chosenSlots,
    answered,
    hasLivenessPhase,
    coverage: coverage.toJSON(),
  }
}

/** A failing run, and the smallest one like it, with everything that happened in it. */
export function explain(options: SimOptions, check: HistoryCheck): SimResult {
  const failed = simulate(options, check)
  const smallest = failed.failure === undefined ? failed : shrink(failed, (simpler) => simulate(simpler, check))
  return simulate(smallest.options, check, true)
}
