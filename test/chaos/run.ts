/** `npm run chaos -- --minutes 10 --seed 1 [--nodes 3] [--lease-ms 0] [--save DIR] [--plant LIE] [--json]`. Exits 10 when something was wrong. */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { runChaos } from './chaos.ts'
import { findLie } from './lies.ts'

const violationExit = 10

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    nodes: { type: 'string' },
    'lease-ms': { type: 'string' },
    save: { type: 'string' },
    plant: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})
const seed = positive('seed', values.seed)
const report = await runChaos({
  seed,
  durationMs: positive('minutes', values.minutes) * 60_000,
  nodes: values.nodes === undefined ? undefined : positive('nodes', values.nodes),
  saveTo: values.save ?? join(tmpdir(), `paxos-chaos-${seed}-${process.pid}`),
  leaseMs: values['lease-ms'] === undefined ? undefined : Number(values['lease-ms']),
  plant: values.plant === undefined ? undefined : findLie(values.plant).name,
  onProgress: (text) => console.error(text),
})
if (values.json) console.log(JSON.stringify(report))
else console.log(report)
process.exitCode = report.ok ? 0 : violationExit

function positive(name: string, text: string): number {
  const value = Number(text)
  if (Number.isFinite(value) && value > 0) return value
  console.error(`--${name} must be a positive number, got "${text}"`)
  process.exit(2)
}
