/**
 * Simulates seeds until one fails, for a process with a planted bug: `node --import ./plant.ts simulate.ts FIRST COUNT MS`,
 * or the seeds themselves, with commas, for FIRST. Prints what was found as JSON and exits 10 when a seed failed.
 */
import { runSeed } from '../../src/sim/campaign.ts'
import { checkOperations } from '../../src/sim/check-operations.ts'
import { expandSeed } from '../../src/sim/options.ts'

const [first = '1', count = '1', durationMs = '30000'] = process.argv.slice(2)
const listed = first.split(',').map(Number)
const seeds = listed.length > 1 ? listed : Array.from({ length: Number(count) }, (_, index) => Number(first) + index)
for (const [index, seed] of seeds.entries()) {
  const { failure } = runSeed(expandSeed(seed, Number(durationMs)), checkOperations)
  if (failure === undefined) continue
  const { check, message } = failure
  process.stdout.write(`${JSON.stringify({ seed, seeds: index + 1, check, message })}\n`)
  process.exitCode = 10
  break
}
