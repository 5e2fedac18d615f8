import { formatSize } from '../format-size.ts'
import { type Column, table, unknown } from '../output.ts'
import type { MemberSample } from './member-sample.ts'
import type { TopSample } from './top-sampler.ts'

/** A picture of one sample, for a terminal of so many characters: columns that do not fit are left out from the right. */
export function renderTop(sample: TopSample, width: number): string {
  const { clusterId, epoch, members, time, intervalMs } = sample
  const silent = members.filter(({ answers }) => !answers).length
  const who = `${members.length} members${silent === 0 ? '' : `, ${silent} silent`}`
  const head = `${clockOf(time)}, last ${(intervalMs / 1000).toFixed(1)} s: ${who}, epoch ${epoch}, cluster ${clusterId}`
  let shown = columns
  while (shown.length > 1 && widthOf(shown, members) > width) shown = shown.slice(0, -1)
  return [head.slice(0, width), '', table(members, shown)].join('\n')
}

function widthOf(shown: readonly Column<MemberSample>[], members: readonly MemberSample[]): number {
  const widths = shown.map(({ title, value }) =>
    Math.max(title.length, ...members.map((member) => value(member).length)),
  )
  return widths.reduce((sum, each) => sum + each + 2, -2)
}

/** The same as lines of fixed columns, one for each member, for whoever reads them later. */
export function topLines({ time, members }: TopSample): readonly string[] {
  return members.map((member) =>
    [clockOf(time), ...columns.map((column, at) => cell(column.value(member), at))].join('  ').trimEnd(),
  )
}

export function topHeading(): string {
  return ['TIME    ', ...columns.map(({ title }, at) => cell(title, at))].join('  ').trimEnd()
}

const count = (value: number | null): string => (value === null ? '-' : Math.round(value).toLocaleString('en-US'))
const ms = (value: number | null): string => {
  if (value === null) return '-'
  return value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : count(value)
}

function numbers(
  title: string,
  width: number,
  value: (member: MemberSample) => string,
): Column<MemberSample> & { readonly width: number } {
  return { title, width, align: 'right', value: (member) => (member.answers ? value(member) : unknown) }
}

const columns: readonly (Column<MemberSample> & { readonly width: number })[] = [
  { title: 'NODE', width: 8, value: ({ member }) => member },
  {
    title: 'ROLE',
    width: 9,
    value: ({ role, answers }) => (answers ? (role ?? '-') : 'no answer'),
    style: ({ role, answers }) => (!answers || role === 'no leader' ? 'red' : role === 'leader' ? 'cyan' : undefined),
  },
  numbers('WRITES/S', 8, ({ writesPerSecond }) => count(writesPerSecond)),
  numbers('MS', 5, ({ writeMs }) => ms(writeMs)),
  numbers('P99', 5, ({ writeP99Ms }) => ms(writeP99Ms)),
  numbers('READS/S', 8, ({ readsPerSecond }) => count(readsPerSecond)),
  numbers('MS', 5, ({ readMs }) => ms(readMs)),
  numbers('P99', 5, ({ readP99Ms }) => ms(readP99Ms)),
  numbers('BATCH', 5, ({ batch }) => (batch === null ? '-' : batch.toFixed(1))),
  numbers('FLUSH/S', 7, ({ flushesPerSecond }) => count(flushesPerSecond)),
  numbers('MS', 5, ({ flushMs }) => ms(flushMs)),
  numbers('P99', 5, ({ flushP99Ms }) => ms(flushP99Ms)),
  numbers('APPLIED/S', 9, ({ appliedPerSecond }) => count(appliedPerSecond)),
  numbers('QUEUE', 6, ({ queued }) => count(queued)),
  numbers('CLIENTS', 7, ({ clients }) => count(clients)),
  numbers('CPU', 5, ({ cpu }) => (cpu === null ? '-' : `${Math.round(100 * cpu)} %`)),
  numbers('MEMORY', 8, ({ memoryBytes }) => (memoryBytes === null ? '-' : formatSize(memoryBytes))),
]

function cell(text: string, at: number): string {
  const column = columns[at]
  const width = column?.width ?? 0
  return column?.align === 'right' ? text.padStart(width) : text.padEnd(width)
}

/** `08:12:35` */
function clockOf(time: string): string {
  return time.slice(11, 19)
}
