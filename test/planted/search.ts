/**
 * Finds anew what catches each planted bug and writes caught.json and the table in docs/PROOF.md:
 * `node test/planted/search.ts [--seeds N] [--missing] [NAME …]`. Takes minutes. `--missing`: only those that no seed
 * is known for. `--table`: no search, only the table.
 */
import { existsSync, globSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { bugs, findBug } from './bugs.ts'
import { type Caught, caughtPath, failingTests, readCaught, simulate } from './run.ts'
import { updateProof } from './table.ts'

const { values, positionals } = parseArgs({
  options: {
    seeds: { type: 'string', default: '300' },
    missing: { type: 'boolean', default: false },
    table: { type: 'boolean', default: false },
  },
  allowPositionals: true,
})

/** A simulated seed takes less, also on a busy machine. */
const secondsEachMax = 5

const scenarios = 'test/scenarios/scenarios.test.ts'

/** Searched in this order, only for what nothing else caught: first the tests beside the modules that are changed. */
function otherTests(bug: string): string[] {
  const units = globSync('src/{protocol,runtime,machine,daemon/store}/**/*.test.ts').sort()
  const beside = findBug(bug).patches.map(({ file }) => `src/${file.replace(/\.ts$/, '.test.ts')}`)
  const recovers = findBug(bug).patches.some(({ file }) => file.startsWith('protocol/recovery/'))
  const near = [
    ...(recovers ? ['test/scenarios/recovery.test.ts'] : []),
    ...units.filter((file) => beside.includes(file)),
  ]
  const long = globSync('test/scenarios/{partitions,crash-points,stop-sign-in-phase-one,random}.test.ts').sort()
  return [...near, ...units.filter((file) => !near.includes(file)), ...long]
}

async function firstFailing(bug: string, files: readonly string[]): Promise<Caught['test']> {
  for (const file of files) {
    const [name] = await failingTests(bug, file).catch(() => [])
    if (name !== undefined) return { file, name }
  }
  return undefined
}

async function search(bug: string): Promise<Caught> {
  const seed = await simulate(bug, Number(values.seeds), Number(values.seeds) * secondsEachMax * 1000)
  const found =
    (await firstFailing(bug, [scenarios])) ??
    (seed === undefined ? await firstFailing(bug, otherTests(bug)) : undefined)
  return {
    ...(seed === undefined ? {} : { simulator: { seed: seed.seed, check: seed.check } }),
    ...(found === undefined ? {} : { test: found }),
  }
}

const known: Record<string, Caught> = existsSync(caughtPath) ? { ...readCaught() } : {}
for (const { name } of values.table ? [] : bugs) {
  if (positionals.length > 0 && !positionals.includes(name)) continue
  if (values.missing && known[name]?.simulator !== undefined) continue
  const startedAt = performance.now()
  try {
    const caught = await search(name)
    known[name] = caught
    process.stdout.write(`${name}: ${JSON.stringify(caught)} ${Math.round(performance.now() - startedAt)} ms\n`)
  } catch (error) {
    delete known[name]
    process.stdout.write(`${name}: ${error instanceof Error ? error.message : error}\n`)
  }
  const sorted = Object.fromEntries(bugs.flatMap((bug) => (bug.name in known ? [[bug.name, known[bug.name]]] : [])))
  writeFileSync(caughtPath, `${JSON.stringify(sorted, null, 2)}\n`)
}
updateProof(readCaught())
