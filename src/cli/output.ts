import { styleText } from 'node:util'

type Style = 'red' | 'green' | 'yellow' | 'cyan' | 'dim' | 'bold'

/** Colours only for a terminal that wants them: not for a pipe, not under NO_COLOR. */
export function paint(style: Style, text: string, stream: NodeJS.WriteStream = process.stdout): string {
  if (stream.isTTY !== true || process.env['NO_COLOR'] || process.env['TERM'] === 'dumb') return text
  return styleText(style, text, { stream, validateStream: false })
}

/** A terminal that can be redrawn: some claim to be one and have no width. */
export function isLive(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY === true && process.env['TERM'] !== 'dumb' && (stream.columns ?? 0) > 0
}

/** In a table: there may be a value, and nobody told it. `-` is for what there is none of. */
export const unknown = '?'

export interface Column<Row> {
  readonly title: string
  readonly align?: 'left' | 'right'
  value(row: Row): string
  /** Colour of a cell; only seen on a terminal. */
  style?(row: Row): Style | undefined
}

/** A table with its columns two spaces apart, no lines, and no spaces at the ends of lines. */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[], stream = process.stdout): string {
  const cells = rows.map((row) => columns.map((column) => printable(column.value(row))))
  const widths = columns.map((column, at) =>
    cells.reduce((width, line) => Math.max(width, line[at]?.length ?? 0), column.title.length),
  )
  const pad = (text: string, at: number): string => {
    const width = widths[at] ?? 0
    if (columns[at]?.align === 'right') return text.padStart(width)
    return at === columns.length - 1 ? text : text.padEnd(width)
  }
  const head = columns.map((column, at) => paint('bold', pad(column.title, at), stream)).join('  ')
  const body = cells.map((line, y) =>
    line.map((cell, x) => styled(columns[x], rows[y], pad(cell, x), stream)).join('  '),
  )
  return [head, ...body].map((line) => line.trimEnd()).join('\n')
}

function styled<Row>(
  column: Column<Row> | undefined,
  row: Row | undefined,
  text: string,
  stream: NodeJS.WriteStream,
): string {
  const style = row === undefined ? undefined : column?.style?.(row)
  return style === undefined ? text : paint(style, text, stream)
}

/** Names and values on lines of their own. */
export function fields(pairs: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...pairs.map(([name]) => name.length))
  return pairs.map(([name, value]) => `${name.padEnd(width)}  ${printable(value)}`).join('\n')
}

/** Control characters from data must not reach the terminal. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about.
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, (control) => {
    const known = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\0': '\\0' }[control]
    return known ?? `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
}

/** Bytes for people: text when they are UTF-8, base64 otherwise; at most `max` characters. */
export function preview(bytes: Uint8Array, max = Number.POSITIVE_INFINITY): string {
  const text = utf8(bytes)
  const shown = text === undefined ? `base64:${Buffer.from(bytes).toString('base64')}` : printable(text)
  return shown.length <= max ? shown : `${shown.slice(0, Math.max(0, max - 1))}…`
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The text, or undefined when the bytes are not valid UTF-8. */
export function utf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}

/** `{key: "a"}` or, when the bytes are not text, `{key64: "/w=="}`. */
export function textOrBase64(name: string, bytes: Uint8Array): Record<string, string> {
  const text = utf8(bytes)
  return text === undefined ? { [`${name}64`]: Buffer.from(bytes).toString('base64') } : { [name]: text }
}

export function count(n: number, singular: string, plural = `${singular}s`): string {
  return `${n.toLocaleString('en-US')} ${n === 1 ? singular : plural}`
}
