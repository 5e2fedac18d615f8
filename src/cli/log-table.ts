import type { CommandJson, GapVoteJson, LogLineJson } from '../wire/api-types.ts'
import { count, printable } from './output.ts'

/** One slot as one line of text: fixed widths, so that a log that is followed lines up without being known ahead. */
export function renderLogLine(line: LogLineJson, commandsMax: number): string {
  const slot = line.upTo === undefined ? String(line.slot) : `${line.slot}…${line.upTo - 1}`
  const head = [
    slot.padStart(8),
    (line.epoch?.toString() ?? '-').padStart(5),
    (line.ballot ?? '-').padStart(8),
    line.state.padEnd(9),
    (line.kind ?? '-').padEnd(8),
  ].join('  ')
  const votes = line.votes === undefined ? '' : `  votes ${votesInWords(line.votes)}`
  return `${head}  ${commandsInWords(line, commandsMax)}${votes}`.trimEnd()
}

/** `n1:chosen@1.1 n2:voted@1.1 n3:none` */
export function votesInWords(votes: readonly GapVoteJson[]): string {
  return votes.map(({ member, state, ballot }) => `${member}:${state}${ballot === null ? '' : `@${ballot}`}`).join(' ')
}

export const logHeading = `${'SLOT'.padStart(8)}  EPOCH  ${'BALLOT'.padStart(8)}  ${'STATE'.padEnd(9)}  ${'KIND'.padEnd(8)}  COMMANDS`

/** A log that is at hand as a whole, with the leaders' times. */
export function renderTimedLog(lines: readonly LogLineJson[], commandsMax: number): string {
  const row = (time: string, line: string): string => `${time.padEnd(24)}  ${line}`
  const rows = lines.map((line) => {
    const time = line.timeMs === undefined ? '-' : new Date(line.timeMs).toISOString()
    return row(time, renderLogLine(line, commandsMax))
  })
  return [row('TIME', logHeading), ...rows].join('\n')
}

function commandsInWords(line: LogLineJson, max: number): string {
  const commands = line.commands ?? []
  const shown = commands.slice(0, max).map(commandInWords)
  const more = commands.length > max ? [`… ${commands.length} in all`] : []
  return [...shown, ...more].join('; ')
}

/** `put a (3 bytes)`, `delete app/ …`; sessions are shown as `by 12:3`. */
export function commandInWords(command: CommandJson): string {
  const { kind } = command
  const session = command['session'] === undefined ? '' : ` by ${command['session']}:${command['seq']}`
  const size = command['valueBytes'] === undefined ? '' : ` (${count(Number(command['valueBytes']), 'byte')})`
  const condition = command['ifVersion'] === undefined ? '' : ` if version ${command['ifVersion']}`
  return `${kind}${subject(command)}${size}${condition}${session}`
}

function subject(command: CommandJson): string {
  const key = part(command, 'key')
  if (key !== undefined) return ` ${key}`
  const start = part(command, 'start')
  if (start !== undefined) return ` [${start}, ${part(command, 'end') ?? '∞'})`
  if (command.kind === 'txn')
    return ` ${count(lengthOf(command['compare']), 'compare')}, ${lengthOf(command['then'])} then, ${lengthOf(command['else'])} else`
  if (command.kind === 'compact') return ` ${command['revision']}`
  return ''
}

function part(command: CommandJson, name: string): string | undefined {
  const text = command[name]
  if (typeof text === 'string') return printable(text)
  const base64 = command[`${name}64`]
  return base64 === undefined ? undefined : `base64:${base64}`
}

function lengthOf(value: unknown): number {
  return Array.isArray(value) ? value.length : 0
}
