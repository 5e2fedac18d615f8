import { engineBenchmark } from './engine.ts'
import { machineBenchmarks } from './machine.ts'
import type { MicroBenchmark } from './micro-benchmark.ts'
import { wireBenchmarks } from './wire.ts'

export function microBenchmarks(): readonly MicroBenchmark[] {
  return [...wireBenchmarks(), engineBenchmark(), ...machineBenchmarks()]
}
