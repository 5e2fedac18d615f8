/** `npm run fuzz -- --frames 1000000 --seed 1 [--json]`. Exits 10 when something was wrong. */
import { parseArgs } from 'node:util'
import { fuzz } from './fuzz.ts'

const violationExit = 10

const { values } = parseArgs({
  options: {
    frames: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
})
const report = fuzz({
  frames: positive('frames', values.frames),
  seed: positive('seed', values.seed),
  onProgress: (done) => console.error(`${done} frames`),
})
if (values.json) console.log(JSON.stringify(report))
else console.log(report)
process.exitCode = report.ok ? 0 : violationExit

function positive(name: string, text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value > 0) return value
  console.error(`--${name} must be a positive whole number, got "${text}"`)
  process.exit(2)
}
