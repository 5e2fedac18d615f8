import { table } from '../../src/cli/output.ts'
import { type Figure, meets, ratioOf } from '../figure.ts'

interface Cells {
  readonly name: string
  readonly ours: string
  readonly other: string
  readonly ratio: string
  readonly target: string
}

/** A figure in words, for the terminal and for the document. */
export function cellsOf(figure: Figure): Cells {
  const { name, unit, ours, other, otherName, target } = figure
  const ratio = ratioOf(figure)
  const met = meets(figure)
  const verdict = { true: ', met', false: ', missed', undefined: '' }[String(met) as 'true' | 'false' | 'undefined']
  return {
    name,
    ours: amount(ours, unit),
    other: other === undefined ? '' : `${amount(other, unit)} (${otherName})`,
    ratio: ratio === undefined ? '' : `${ratio.toFixed(2)} ×`,
    target: target === undefined ? '' : `${target.text}${verdict}`,
  }
}

export function renderTable(figures: readonly Figure[]): string {
  return table(figures.map(cellsOf), [
    { title: 'WHAT', value: ({ name }) => name },
    { title: 'PAXOS', align: 'right', value: ({ ours }) => ours },
    { title: 'AGAINST', align: 'right', value: ({ other }) => other },
    { title: 'RATIO', align: 'right', value: ({ ratio }) => ratio },
    { title: 'TARGET', value: ({ target }) => target },
  ])
}

/** `12,345/s`, `0.62 ms`, `1,234 ms`: three digits that count. */
function amount(value: number, unit: string): string {
  const rounded = value >= 100 ? Math.round(value) : Number(value.toPrecision(3))
  const text = rounded.toLocaleString('en-US', { maximumFractionDigits: 6 })
  return unit === '' || unit.startsWith('/') ? `${text}${unit}` : `${text} ${unit}`
}
