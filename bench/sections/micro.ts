import { join } from 'node:path'
import type { Figure } from '../figure.ts'
import { microBenchmarks } from '../micro/all.ts'
import { rateOf } from '../micro/micro-benchmark.ts'
import { storeCommits } from '../micro/store.ts'
import type { Section } from '../section.ts'

const runMs = 500
const storeMs = 2000

export const microSection: Section = {
  name: 'micro',
  summary: 'wire, pre-scan, engine, machine and store by themselves, one thread',
  async run(bench) {
    const figures: Figure[] = microBenchmarks().map((benchmark) => {
      const id = `micro-${benchmark.name.replaceAll(/[^a-z0-9]+/gi, '-')}`
      return { id, name: benchmark.name, unit: `${benchmark.unit}/s`, ours: rateOf(benchmark, runMs) }
    })
    for (const bytes of [300, 65_536]) {
      const name = `store: commits of one vote of ${bytes} bytes, one after the other`
      const { perSecond, ...detail } = await storeCommits(join(bench.directory, `store-${bytes}`), bytes, storeMs)
      figures.push({ id: `micro-store-${bytes}`, name, unit: '/s', ours: perSecond, detail })
    }
    return figures
  },
}
