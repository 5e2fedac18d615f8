import { type Figure, meets, ratioOf } from '../figure.ts'

const width = 820
const left = 330
const right = 90
const rowHeight = 34
const top = 58
const bottom = 40
const font = 'system-ui, -apple-system, Segoe UI, sans-serif'

interface Bar {
  readonly name: string
  /** How many times better than etcd. */
  readonly times: number
  readonly targetTimes: number | undefined
  readonly met: boolean | undefined
}

/** Those that are set against etcd, as far as more or less is plainly better. */
export function chartFigures(figures: readonly Figure[]): readonly Figure[] {
  return figures.filter(({ id, otherName }) => otherName?.startsWith('etcd') && !id.startsWith('cost-'))
}

/** How many times better than etcd we are, in one run: bars on a logarithmic scale, a mark where the target is. */
export function renderChart(figures: readonly Figure[]): string {
  const bars = figures
    .filter(({ id, otherName }) => otherName?.startsWith('etcd') && !id.startsWith('cost-'))
    .map(barOf)
  const height = top + bars.length * rowHeight + bottom
  const most = Math.max(2, ...bars.flatMap(({ times, targetTimes = 1 }) => [times, targetTimes]))
  const least = Math.min(0.5, ...bars.map(({ times }) => times))
  const x = (times: number): number => {
    const share = (Math.log(times) - Math.log(least)) / (Math.log(most) - Math.log(least))
    return Math.round((left + share * (width - left - right)) * 10) / 10
  }
  const ticks = [0.25, 0.5, 1, 2, 5, 10, 20, 50].filter((times) => times >= least && times <= most)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="${font}" font-size="13" role="img" aria-label="How many times better than etcd">`,
    '<style>.bar{fill:#2f6db5}.missed{fill:#b5532f}.text{fill:#1f2933}.soft{fill:#5f6b76}.grid{stroke:#d6dbe0}.one{stroke:#5f6b76}.target{stroke:#1f2933;stroke-width:2.5}</style>',
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    '<text class="text" x="16" y="26" font-size="16" font-weight="600">Times better than etcd, side by side in one run</text>',
    '<text class="soft" x="16" y="44">more requests a second, or a shorter latency; the upright mark is the target, a brown bar misses it</text>',
    ...ticks.flatMap((times) => [
      `<line class="${times === 1 ? 'one' : 'grid'}" x1="${x(times)}" x2="${x(times)}" y1="${top}" y2="${height - bottom + 6}"/>`,
      `<text class="soft" x="${x(times)}" y="${height - bottom + 22}" text-anchor="middle">${times} ×</text>`,
    ]),
    ...bars.flatMap((bar, at) => row(bar, top + at * rowHeight, x)),
    '</svg>',
    '',
  ].join('\n')
}

function row({ name, times, targetTimes, met }: Bar, y: number, x: (times: number) => number): string[] {
  const [from, to] = [Math.min(x(1), x(times)), Math.max(x(1), x(times))]
  const marks = targetTimes === undefined ? [] : [mark(x(targetTimes), y)]
  return [
    `<text class="text" x="${left - 14}" y="${y + 21}" text-anchor="end">${escapeXml(name)}</text>`,
    `<rect class="${met === false ? 'missed' : 'bar'}" x="${from}" y="${y + 7}" width="${Math.max(1, to - from).toFixed(1)}" height="20" rx="2"/>`,
    ...marks,
    `<text class="text" x="${to + 8}" y="${y + 21}">${Number(times.toPrecision(3))} ×</text>`,
  ]
}

function mark(at: number, y: number): string {
  return `<line class="target" x1="${at}" x2="${at}" y1="${y + 3}" y2="${y + 31}"/>`
}

/** Of a latency, less is better. */
function barOf(figure: Figure): Bar {
  const { name, unit, target } = figure
  const ratio = ratioOf(figure) ?? 1
  const isLatency = unit === 'ms'
  const wanted = target?.atLeast ?? target?.atMost
  const turn = (value: number): number => (isLatency ? 1 / value : value)
  return {
    name,
    times: turn(ratio),
    targetTimes: wanted === undefined ? undefined : turn(wanted),
    met: meets(figure),
  }
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
