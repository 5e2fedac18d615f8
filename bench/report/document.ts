import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { count } from '../../src/cli/output.ts'
import type { Figure } from '../figure.ts'
import { chartFigures, renderChart } from './chart.ts'
import type { Run } from './machine.ts'
import { cellsOf } from './table.ts'

/** A figure as it is kept, with the section and the run that it comes from. */
export interface KeptFigure extends Figure {
  readonly section: string
  readonly run: Run
  /** What was typed for it. */
  readonly command: string
}

const root = join(import.meta.dirname, '..', '..')
const figuresFile = join(root, 'bench', 'figures.json')
const chartFile = join(root, 'docs', 'performance.svg')
const documents = ['PERFORMANCE.md', 'TUNING.md'].map((name) => join(root, 'docs', name))

/**
 * Puts the figures in the place of those that the same sections gave before, and keeps the others: the long sections are
 * not run every time. Then writes the parts of the documents that are made of figures.
 */
export function writeDocuments(measured: readonly KeptFigure[], sections: readonly string[]): void {
  const earlier = existsSync(figuresFile) ? (JSON.parse(readFileSync(figuresFile, 'utf8')) as KeptFigure[]) : []
  const renewed = new Set(measured.map(({ section }) => section))
  const kept = [...earlier.filter(({ section }) => !renewed.has(section)), ...measured]
  const figures = sections.flatMap((name) => kept.filter(({ section }) => section === name))
  writeFileSync(figuresFile, `${JSON.stringify(figures, null, 2)}\n`)
  // How an array is broken into lines is not ours to know.
  execFileSync(join(root, 'node_modules', '.bin', 'biome'), ['format', '--write', figuresFile], { stdio: 'ignore' })
  writeFileSync(chartFile, renderChart(figures))
  for (const document of documents) replaceParts(document, figures)
}

/** `<!-- figures: http stream -->` begins a part, `<!-- end -->` ends it. */
function replaceParts(file: string, figures: readonly KeptFigure[]): void {
  const text = readFileSync(file, 'utf8')
  const pattern = /(<!-- figures: ([a-z -]+) -->\n)[\s\S]*?(<!-- end -->)/g
  assert.match(text, pattern, `${file} has no part for figures`)
  const replaced = text.replaceAll(pattern, (_, begin: string, names: string, end: string) => {
    const chosen = figures.filter(({ section }) => names.split(' ').includes(section))
    const part = names === 'tuning' ? tuningTable(chosen) : figureTable(chosen)
    return `${begin}\n${chosen.length === 0 ? 'Not measured yet.' : `${part}\n\n${runsOf(chosen)}`}\n\n${end}`
  })
  writeFileSync(file, replaced)
}

function figureTable(figures: readonly KeptFigure[]): string {
  const chart = chartFigures(figures).length > 0 ? '![How many times better than etcd](performance.svg)\n\n' : ''
  const rows = figures.map(cellsOf).map(({ name, ours, other, ratio, target }) => [name, ours, other, ratio, target])
  return chart + markdown(['', 'paxos', 'against', 'ratio', 'target'], rows)
}

interface TuningDetail {
  readonly question: string
  readonly roundTripMs: number
  readonly settings: string
  readonly p50: number
  readonly p99: number
  readonly elections: number
  readonly errors: Readonly<Record<string, number>>
  readonly serves: boolean
}

function tuningTable(figures: readonly KeptFigure[]): string {
  const rows = figures.map((figure) => {
    const { question, roundTripMs, settings, p50, p99, elections, errors, serves } =
      figure.detail as unknown as TuningDetail
    if (!serves) return [question, `${roundTripMs} ms`, settings, '', '', '', 'no leader']
    const failed = Object.values(errors).reduce((sum, times) => sum + times, 0)
    const rate = `${Math.round(figure.ours).toLocaleString('en-US')}/s`
    const trouble = [elections === 0 ? '' : count(elections, 'election'), failed === 0 ? '' : count(failed, 'error')]
    const what = trouble.filter((text) => text !== '').join(', ')
    return [question, `${roundTripMs} ms`, settings, rate, `${p50.toFixed(2)} ms`, `${p99.toFixed(2)} ms`, what]
  })
  return markdown(['what', 'round trip', 'settings', 'rate', 'p50', 'p99', 'trouble'], rows)
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

/** When, of what and where these figures are, once for each run. */
function runsOf(figures: readonly KeptFigure[]): string {
  const runs = new Map(figures.map((figure) => [`${figure.run.at} ${figure.command}`, figure]))
  return [...runs.values()]
    .map(({ run: { at, commit, machine }, command }) => {
      const { processor, cores, memoryGiB, kernel, fileSystem, flushMs, node, etcd, h2load } = machine
      const others = [etcd && `etcd ${etcd}`, h2load && `h2load ${h2load}`].filter(Boolean).join(', ')
      return (
        `Measured ${at} UTC at ${commit} by \`${command}\`, on ${cores} cores (${processor}), ${memoryGiB} GiB, ` +
        `Linux ${kernel}, ${fileSystem}, a flush of 4 KiB in ${flushMs} ms, Node ${node}${others === '' ? '' : `, ${others}`}.`
      )
    })
    .join('\n\n')
}
