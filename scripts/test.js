// Every test, in lanes side by side: `node scripts/test.js`. One report, as if there had been one run.
//
// - clusters, which depend on time: on 2 cores one file after another.
// - others with real processes: beside them, since both wait as much as they compute.
// - behind: tests that only compute, at the lowest priority, so that the others find the machine as if they were alone.
import { once } from 'node:events'
import { globSync } from 'node:fs'
import { availableParallelism, constants } from 'node:os'
import { PassThrough } from 'node:stream'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'

const computing = globSync([
  'src/{base,machine,protocol,wire}/**/*.test.ts',
  'test/{exhaustive,planted,scenarios,sim}/*.test.ts',
  'test/fuzz/fuzz.test.ts',
])
const clusters = globSync('test/{bench,chaos,cluster,conformance,durability,fuzz,net,upgrade}/*.test.ts').filter(
  notIn(computing),
)
const others = globSync(['src/**/*.test.ts', 'test/**/*.test.ts']).filter(notIn([...computing, ...clusters]))

function notIn(files) {
  return (file) => !files.includes(file)
}

const { PRIORITY_NORMAL, PRIORITY_LOW } = constants.priority
const cores = availableParallelism()
const lanes = [
  { files: clusters, priority: PRIORITY_NORMAL, concurrency: Math.ceil(cores / 2) },
  { files: others, priority: PRIORITY_NORMAL, concurrency: Math.ceil(cores / 2) },
  { files: computing, priority: PRIORITY_LOW, concurrency: cores },
]

/** What each lane says at its end, added up over them. */
const totals = new Map()
const report = new PassThrough({ objectMode: true })
report.compose(new spec()).pipe(process.stdout)

const startedAt = performance.now()
/** The reporter takes one test after another: the first lane as it goes on, the next when that is done. */
let before
for (const lane of lanes) {
  const held = before === undefined ? undefined : []
  const done = go(lane, (event) => (held === undefined ? pass(event) : held.push(event)))
  before = Promise.all([done, before]).then(() => held?.forEach(pass))
}
await before
totals.set('duration_ms', performance.now() - startedAt)
for (const [name, value] of totals) report.write(diagnostic(`${name} ${value}`))
report.end()

function go({ files, priority, concurrency }, onEvent) {
  const execArgv = ['--import', './test/property-seed.ts', '--import', `./test/priority.ts?${priority}`]
  const stream = run({ files: files.sort(), concurrency, timeout: 300_000, execArgv })
  stream.on('data', onEvent)
  stream.on('test:fail', () => {
    process.exitCode = 1
  })
  return once(stream, 'end')
}

function pass(event) {
  const { type, data } = event
  const isTotal = type === 'test:diagnostic' && data.nesting === 0 && /^\w+ [\d.]+$/.test(data.message)
  if (!isTotal) {
    report.write(event)
    return
  }
  const [name, value] = data.message.split(' ')
  totals.set(name, (totals.get(name) ?? 0) + Number(value))
}

function diagnostic(message) {
  return { type: 'test:diagnostic', data: { nesting: 0, message, level: 'info' } }
}
