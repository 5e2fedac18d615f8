import { PaxosError } from '../base/error.ts'
import { type Line, readLines } from './line-reader.ts'
import { BadRecord, type KeyValueRecord, parseRecord, type RecordOptions } from './record.ts'

/** Where records go; `PaxosClient` is one. */
export interface RecordSink {
  put(key: Uint8Array, value: Uint8Array): Promise<unknown>
}

export interface BadLine {
  readonly line: number
  readonly reason: string
}

export interface ImportOptions extends RecordOptions {
  readonly onBad: 'refuse' | 'skip'
  readonly inFlightMax: number
  readonly startLine: number
  readonly startOffset: number
}

/** How many bad lines are kept with their reasons; all are counted. */
export const badLinesKept = 20

/** No line can hold more: a value of 1 MiB in which JSON writes every byte as six. */
const lineBytesMax = 8 * 1024 * 1024

/** Writes the records of an input, many at a time, and knows up to which line everything is certainly written. */
export class Importer {
  readonly #sink: RecordSink
  readonly #options: ImportOptions
  readonly #inFlight = new Set<Promise<void>>()
  readonly #byKey = new Map<string, Promise<void>>()
  readonly #badLines: BadLine[] = []
  /** Lines that were read, in order, and whether they are done: the done ones at the front move the watermark. */
  readonly #open: { readonly line: number; readonly endOffset: number; done: boolean }[] = []
  #openFrom = 0
  #doneLines: number
  #doneOffset: number
  #records = 0
  #bytes = 0
  #bad = 0
  #failure: unknown
  #stopping = false
  /** Wakes the reader, which is the only one that waits. */
  #onRoom: (() => void) | undefined

  constructor(sink: RecordSink, options: ImportOptions) {
    this.#sink = sink
    this.#options = options
    this.#doneLines = options.startLine
    this.#doneOffset = options.startOffset
  }

  get records(): number {
    return this.#records
  }

  get bytes(): number {
    return this.#bytes
  }

  get bad(): number {
    return this.#bad
  }

  get badLines(): readonly BadLine[] {
    return this.#badLines
  }

  /** Every line up to this one is written or skipped. */
  get doneLines(): number {
    return this.#doneLines
  }

  get doneOffset(): number {
    return this.#doneOffset
  }

  get isStopping(): boolean {
    return this.#stopping
  }

  /** Reads no further; `run` returns when what is under way is settled. */
  stop(): void {
    this.#stopping = true
  }

  /** Throws what the sink threw, or PaxosError BAD_REQUEST at a bad line that is not to be skipped. */
  async run(input: AsyncIterable<Uint8Array>): Promise<void> {
    const { startLine, startOffset } = this.#options
    try {
      for await (const line of readLines(input, { lineBytesMax, startLine, startOffset })) {
        if (this.#stopping || this.#failure !== undefined) break
        await this.#take(line)
      }
    } catch (error) {
      // An input that was closed to stop reading ends with an error of its own.
      if (!this.#stopping) this.#failure ??= error
    }
    // What is under way is settled first, so that the watermark covers it.
    await Promise.all(this.#inFlight)
    if (this.#failure !== undefined) throw this.#failure
  }

  async #take(line: Line): Promise<void> {
    const entry = { line: line.number, endOffset: line.endOffset, done: false }
    this.#open.push(entry)
    const record = this.#parse(line)
    if (record === undefined) {
      this.#settle(entry)
      return
    }
    const key = Buffer.from(record.key).toString('latin1')
    // Two writes of one key under way could be retried past each other; the later line has to win.
    await this.#byKey.get(key)
    while (this.#inFlight.size >= this.#options.inFlightMax) {
      await new Promise<void>((resolve) => {
        this.#onRoom = resolve
      })
    }
    if (this.#failure !== undefined) return
    const written = this.#write(line, record)
      .then(() => this.#settle(entry))
      .catch((error: unknown) => {
        this.#failure ??= error
      })
      .finally(() => {
        this.#inFlight.delete(written)
        if (this.#byKey.get(key) === written) this.#byKey.delete(key)
        this.#onRoom?.()
      })
    this.#inFlight.add(written)
    this.#byKey.set(key, written)
  }

  async #write(line: Line, record: KeyValueRecord): Promise<void> {
    try {
      await this.#sink.put(record.key, record.value)
    } catch (error) {
      // Limits may be set lower on the cluster than this side knows.
      const isRefused = error instanceof PaxosError && (error.code === 'BAD_REQUEST' || error.code === 'TOO_LARGE')
      if (!isRefused) throw error
      this.#onBad(line.number, error.message)
      return
    }
    this.#records++
    this.#bytes += record.key.length + record.value.length
  }

  #parse(line: Line): KeyValueRecord | undefined {
    // Blank lines are no records, and no mistakes either.
    if (line.bytes?.length === 0) return undefined
    try {
      if (line.bytes === undefined) throw new BadRecord(`the line is longer than ${lineBytesMax} bytes`)
      return parseRecord(line.bytes, this.#options)
    } catch (error) {
      if (!(error instanceof BadRecord)) throw error
      this.#onBad(line.number, error.message)
      return undefined
    }
  }

  #onBad(line: number, reason: string): void {
    this.#bad++
    if (this.#badLines.length < badLinesKept) this.#badLines.push({ line, reason })
    if (this.#options.onBad === 'refuse') throw refusal(line, reason)
  }

  #settle(entry: { done: boolean }): void {
    entry.done = true
    for (let next = this.#open[this.#openFrom]; next?.done === true; next = this.#open[this.#openFrom]) {
      this.#doneLines = next.line
      this.#doneOffset = next.endOffset
      this.#openFrom++
    }
    // The front is dropped in bulk: one at a time would move the whole array each time.
    if (this.#openFrom > 4096) {
      this.#open.splice(0, this.#openFrom)
      this.#openFrom = 0
    }
  }
}

/** How far an import or a check has come. */
export type ImportState = Pick<Importer, 'records' | 'bad' | 'doneOffset'>

/** Reads the whole input and writes nothing. Returns the bad lines, the first of them with reasons. */
export async function checkRecords(
  input: AsyncIterable<Uint8Array>,
  options: RecordOptions & { readonly startLine: number; readonly startOffset: number },
  watch: (state: ImportState) => void = () => {},
): Promise<{ readonly bad: number; readonly badLines: readonly BadLine[]; readonly records: number }> {
  const dry = new Importer({ put: async () => {} }, { ...options, onBad: 'skip', inFlightMax: 1024 })
  watch(dry)
  await dry.run(input)
  return { bad: dry.bad, badLines: dry.badLines, records: dry.records }
}

export function refusal(line: number, reason: string): PaxosError {
  return new PaxosError('BAD_REQUEST', `Line ${line} is bad: ${reason}`, {
    hint: 'Correct the line, or skip bad lines with --on-bad skip.',
  })
}
