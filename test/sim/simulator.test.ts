import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { explain, runSeed } from '../../src/sim/campaign.ts'
import { checkOperations } from '../../src/sim/check-operations.ts'
import { Coverage } from '../../src/sim/fault-points.ts'
import { calmOptions, expandBeyond, expandSeed, type SimOptions } from '../../src/sim/options.ts'
import { type HistoryCheck, simulate } from '../../src/sim/simulator.ts'
import { mermaid } from '../../src/sim/transcript.ts'

/** Longer runs: PAXOS_FIRST_SEED=1000 PAXOS_SEEDS=20000 node --test test/sim/simulator.test.ts */
const firstSeed = Number(process.env['PAXOS_FIRST_SEED'] ?? 1)
const seeds = Number(process.env['PAXOS_SEEDS'] ?? 100)

/** With its options, because what a seed expands to changes with the simulator. */
interface FailingSeed {
  readonly why: string
  readonly options: SimOptions
}

const failingSeeds: readonly FailingSeed[] = JSON.parse(
  readFileSync(join(import.meta.dirname, 'failing-seeds.json'), 'utf8'),
)

test('a seed gives the same trace each time, in this process and in another', () => {
  const durationMs = 5000
  const some = [3, 12, 57, 240]
  const hashes = (): string[] => some.map((seed) => runSeed(expandSeed(seed, durationMs), checkOperations).traceHash)
  const first = hashes()
  assert.deepEqual(hashes(), first)
  const script = join(import.meta.dirname, 'trace-hashes.ts')
  const other = execFileSync(process.execPath, [script, String(durationMs), ...some.map(String)], { encoding: 'utf8' })
  assert.deepEqual(other.trim().split('\n'), first)
  assert.equal(new Set(first).size, some.length, 'different seeds have the same trace')
})

test('keeping the transcript does not change what happens', () => {
  const options = expandSeed(5, 3000)
  const { traceHash, lines } = simulate(options, checkOperations, true)
  assert.equal(traceHash, simulate(options, checkOperations).traceHash)
  assert.ok(lines.length > 100, `only ${lines.length} lines`)
})

test('every seed passes, and together they hit every fault point', () => {
  const coverage = new Coverage()
  let withLiveness = 0
  let chosen = 0
  let answered = 0
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
    const report = runSeed(expandSeed(seed, 30_000), checkOperations)
    assert.equal(report.failure, undefined, `seed ${seed}: ${report.failure?.check}: ${report.failure?.message}`)
    coverage.add(report.coverage)
    if (report.hasLivenessPhase) withLiveness++
    chosen += report.chosenSlots
    answered += report.answered
  }
  assert.ok(withLiveness >= 0.3 * seeds, `only ${withLiveness} of ${seeds} seeds demand progress`)
  assert.ok(chosen > 50 * seeds, `only ${chosen} slots were chosen in ${seeds} seeds`)
  assert.ok(answered > 50 * seeds, `only ${answered} operations were answered in ${seeds} seeds`)
  if (seeds >= 100) assert.deepEqual(coverage.never, [])
})

for (const { why, options } of failingSeeds) {
  test(`seed ${options.seed} passes, which once failed: ${why}`, () => {
    const { failure } = runSeed(options, checkOperations)
    assert.equal(failure, undefined, `${failure?.check}: ${failure?.message}`)
  })
}

test('without faults nothing is lost, and everybody is answered', () => {
  const { failure, coverage, answered, options } = simulate(calmOptions(1, 5, 20_000), checkOperations)
  assert.equal(failure, undefined)
  assert.ok(answered > 100, `only ${answered} answers`)
  assert.equal(options.nodes, 5)
  // The liveness phase switches off who is not needed, perhaps in the middle of a commit.
  const isWanted = (point: string): boolean => /^(log|snapshot)\./.test(point) || point === 'disk.lostUnsynced'
  const interference = Object.entries(coverage.toJSON()).filter(([point, hits]) => hits > 0 && !isWanted(point))
  assert.deepEqual(interference, [])
})

test('a check that forbids what happens is reported, with the smallest run that shows it', () => {
  const canary: HistoryCheck = (history) =>
    history.some(({ output }) => output?.kind === 'delete') ? 'somebody deleted something' : undefined
  const options = { ...expandSeed(5, 2000), hasLivenessPhase: false }
  const whole = simulate(options, canary)
  assert.equal(whole.failure?.message, 'somebody deleted something')
  const smallest = explain(options, canary)
  assert.deepEqual(smallest.failure?.check, whole.failure?.check)
  assert.ok(smallest.events < whole.events, `${smallest.events} events, not fewer than ${whole.events}`)
  assert.ok(smallest.lines.some((line) => /client \d+ is told .*"kind":"delete"/.test(line)))
  assert.ok(smallest.lines.some((line) => /n\d+ -> n\d+ accept /.test(line)) || smallest.options.nodes === 1)
  assert.match(mermaid(smallest.lines), /^sequenceDiagram\n/)
  // The same options replay the same failure.
  assert.equal(simulate(smallest.options, canary).traceHash, smallest.traceHash)
})

test('under faults that nothing survives it stops and does not lie', () => {
  let answered = 0
  for (let seed = 1; seed <= 25; seed++) {
    const { failure, answered: more } = runSeed(expandBeyond(seed, 20_000), checkOperations)
    assert.deepEqual(failure, undefined, `seed ${seed}`)
    answered += more
  }
  assert.ok(answered > 1000, 'it served until then')
})
