/** Prints the trace hashes of the seeds among its arguments, one a line: the same simulation in another process. */
import { runSeed } from '../../src/sim/campaign.ts'
import { checkOperations } from '../../src/sim/check-operations.ts'
import { expandSeed } from '../../src/sim/options.ts'

const [durationMs, ...seeds] = process.argv.slice(2).map(Number)
for (const seed of seeds) {
  process.stdout.write(`${runSeed(expandSeed(seed, durationMs ?? 0), checkOperations).traceHash}\n`)
}
