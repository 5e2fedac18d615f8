export interface Line {
  /** From 1. */
  readonly number: number
  /** Without the newline. Undefined when the line was too long to keep. */
  readonly bytes: Uint8Array | undefined
  /** Offset of the byte after the newline, from the beginning of the input. */
  readonly endOffset: number
}

export interface LineOptions {
  readonly lineBytesMax: number
  /** Where the input begins, when its first lines were read in an earlier run. */
  readonly startLine?: number
  readonly startOffset?: number
}

const newline = 10

/** Splits bytes into lines without decoding them. A last line without a newline counts; an empty end does not. */
export async function* readLines(input: AsyncIterable<Uint8Array>, options: LineOptions): AsyncGenerator<Line> {
  let number = options.startLine ?? 0
  let offset = options.startOffset ?? 0
  let parts: Uint8Array[] = []
  let length = 0
  const take = (end: number): Line => {
    number++
    const bytes = length > options.lineBytesMax ? undefined : join(parts, length)
    parts = []
    length = 0
    return { number, bytes, endOffset: end }
  }
  // What is beyond the limit is counted but not kept: the input may be one endless line.
  const keep = (part: Uint8Array): void => {
    length += part.length
    if (length <= options.lineBytesMax) parts.push(part)
    else parts = []
  }
  for await (const chunk of input) {
    let start = 0
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, start)) {
      keep(chunk.subarray(start, at))
      start = at + 1
      yield take(offset + start)
    }
    if (start < chunk.length) keep(chunk.subarray(start))
    offset += chunk.length
  }
  if (length > 0) yield take(offset)
}

function join(parts: readonly Uint8Array[], length: number): Uint8Array {
  const [first] = parts
  return parts.length === 1 && first !== undefined ? first : Buffer.concat(parts, length)
}
