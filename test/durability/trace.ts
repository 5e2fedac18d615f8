/** Reads what `strace -f -y -xx` wrote: one event for each system call, with its begin, its end and the bytes it wrote. */
import assert from 'node:assert/strict'

export interface Call {
  readonly name: string
  /** Everything between the parentheses. */
  readonly args: string
  readonly result: number
  /** Positions in the trace, which is in the order of time: a call ends before another begins, or they overlap. */
  readonly begin: number
  readonly end: number
}

const whole = /^(\d+) +(\w+)\((.*)\) += (-?\d+|\?)/s
const unfinished = /^(\d+) +(\w+)\((.*) <unfinished \.\.\.>$/s
const resumed = /^(\d+) +<\.\.\. (\w+) resumed>(.*)\) += (-?\d+|\?)/s

export function parseTrace(text: string): readonly Call[] {
  const calls: Call[] = []
  const open = new Map<string, { readonly name: string; readonly args: string; readonly begin: number }>()
  text.split('\n').forEach((line, position) => {
    const begun = unfinished.exec(line)
    if (begun !== null) {
      const [, thread = '', name = '', args = ''] = begun
      open.set(thread, { name, args, begin: position })
      return
    }
    const ended = resumed.exec(line)
    if (ended !== null) {
      const [, thread = '', name = '', args = '', result] = ended
      const start = open.get(thread)
      assert.equal(start?.name, name, `the trace resumes a call that it did not begin: ${line.slice(0, 200)}`)
      open.delete(thread)
      calls.push({ ...start, args: start.args + args, result: Number(result), end: position })
      return
    }
    const [, , name = '', args = '', result] = whole.exec(line) ?? []
    if (name !== '') calls.push({ name, args, result: Number(result), begin: position, end: position })
  })
  return calls.sort((a, b) => a.begin - b.begin)
}

/** What its first argument names: `/dir/acceptor.mdb`, `socket:[123]`. */
export function targetOf({ args }: Call): string {
  return /^\d+<([^>]*)>/.exec(decodeName(args))?.[1] ?? ''
}

/** The number of the file descriptor that is its first argument. */
export function descriptorOf({ args }: Call): number {
  return Number(/^\d+/.exec(args)?.[0])
}

/** All strings among the arguments, one after another. */
export function bytesOf({ args }: Call): Buffer {
  const strings = [...args.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)]
  return Buffer.concat(strings.map(([, escaped = '']) => Buffer.from(escaped.replaceAll('\\x', ''), 'hex')))
}

/** `-xx` escapes names too. */
function decodeName(args: string): string {
  const head = args.slice(0, 4096)
  return head.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}
