/**
 * Measures this system on this machine, side by side with etcd when it is installed. See docs/PERFORMANCE.md.
 *
 *     npm run bench -- [--only http,stream] [--long] [--rounds 3] [--seconds 5] [--json FILE] [--write]
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { KeptFigure } from './report/document.ts'
import { writeDocuments } from './report/document.ts'
import { describeRun } from './report/machine.ts'
import { renderTable } from './report/table.ts'
import type { Bench, Section } from './section.ts'
import { catchUpSection } from './sections/catch-up.ts'
import { costSection } from './sections/cost.ts'
import { failoverSection } from './sections/failover.ts'
import { httpSection } from './sections/http.ts'
import { keysSection } from './sections/keys.ts'
import { membersSection } from './sections/members.ts'
import { microSection } from './sections/micro.ts'
import { recoverySection } from './sections/recovery.ts'
import { soakSection } from './sections/soak.ts'
import { startUpSection } from './sections/start-up.ts'
import { streamSection } from './sections/stream.ts'
import { tuningSection } from './sections/tuning.ts'
import { isInstalled } from './side-by-side/program.ts'

/** In the order in which they run and are shown. */
const sections: readonly Section[] = [
  httpSection,
  streamSection,
  membersSection,
  failoverSection,
  startUpSection,
  costSection,
  keysSection,
  soakSection,
  recoverySection,
  catchUpSection,
  microSection,
  tuningSection,
]

const defaults: Readonly<Record<string, string>> = {
  rounds: '3',
  seconds: '5',
  'soak-minutes': '20',
  'many-keys': '10000000',
  'state-mib': '1024',
}

const flags = readFlags()

if (flags.help) help()
else await main()

function readFlags() {
  try {
    return parseArgs({
      options: {
        only: { type: 'string' },
        long: { type: 'boolean', default: false },
        rounds: { type: 'string', default: defaults['rounds'] },
        seconds: { type: 'string', default: defaults['seconds'] },
        'soak-minutes': { type: 'string', default: defaults['soak-minutes'] },
        'many-keys': { type: 'string', default: defaults['many-keys'] },
        'state-mib': { type: 'string', default: defaults['state-mib'] },
        directory: { type: 'string', default: tmpdir() },
        json: { type: 'string' },
        write: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error))
  }
}

function refuse(message: string): never {
  console.error(`Error: ${message}\nRun \`npm run bench -- --help\` for usage.`)
  process.exit(2)
}

function help(): void {
  const names = sections.map(({ name, summary, isLong }) => `  ${name.padEnd(10)} ${isLong ? '(long) ' : ''}${summary}`)
  console.log(`npm run bench -- [options]

  --only NAME[,NAME]   these sections, and long ones only if they are named
  --long               the long sections, too
  --rounds N           of each measurement, in turn with what it is compared with [3]
  --seconds N          of each round [5]
  --soak-minutes N     [20]    --many-keys N [10000000]    --state-mib N [1024]
  --directory DIR      where data goes: on the disk to be measured [${tmpdir()}]
  --json FILE          every figure, with each round
  --write              renew docs/PERFORMANCE.md, docs/TUNING.md, docs/performance.svg and bench/figures.json

Sections:
${names.join('\n')}`)
}

async function main(): Promise<void> {
  const directory = mkdtempSync(join(resolve(flags.directory), 'paxos-bench-'))
  // However it ends, nothing stays: the nodes stop with their standard input, etcd and the files are for us to end.
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130))
  const run = describeRun(directory)
  const figures: KeptFigure[] = []
  const hasH2load = isInstalled('h2load')
  const hasEtcd = isInstalled('etcd') && hasH2load
  if (!hasEtcd) console.error('etcd or h2load is not installed: only paxos is measured')
  const bench: Bench = {
    directory,
    hasEtcd,
    hasH2load,
    rounds: positive('rounds'),
    seconds: positive('seconds'),
    soakMinutes: positive('soak-minutes'),
    manyKeys: positive('many-keys'),
    stateMiB: positive('state-mib'),
    say: (text) => console.error(`${new Date().toISOString().slice(11, 19)}  ${text}`),
    figure: (id) => figures.find((figure) => figure.id === id),
  }
  for (const section of chosen()) {
    bench.say(`${section.name}: ${section.summary}`)
    const found = await section.run(bench)
    figures.push(...found.map((figure) => ({ ...figure, section: section.name, run, command: command() })))
  }
  console.log(renderTable(figures))
  if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify({ run, figures }, null, 2)}\n`)
  const names = sections.map(({ name }) => name)
  if (flags.write) writeDocuments(figures, names)
}

function chosen(): readonly Section[] {
  if (flags.only === undefined) return sections.filter(({ isLong }) => flags.long || isLong !== true)
  const wanted = flags.only.split(',')
  const unknown = wanted.filter((name) => !sections.some((section) => section.name === name))
  if (unknown.length > 0) refuse(`No such section: ${unknown.join(', ')}`)
  return sections.filter(({ name }) => wanted.includes(name))
}

/** What to type to get these figures. */
function command(): string {
  const { json: _json, write: _write, directory: _directory, ...others } = flags
  const typed = Object.entries(others).filter(([name, value]) => value !== false && value !== defaults[name])
  return ['npm run bench --', ...typed.map(([name, value]) => `--${name}${value === true ? '' : ` ${value}`}`)].join(
    ' ',
  )
}

function positive(name: 'rounds' | 'seconds' | 'soak-minutes' | 'many-keys' | 'state-mib'): number {
  const value = Number(flags[name])
  if (!(value > 0) || (name !== 'seconds' && !Number.isInteger(value))) {
    refuse(`--${name} takes a ${name === 'seconds' ? '' : 'whole '}number above 0, not ${flags[name]}`)
  }
  return value
}
