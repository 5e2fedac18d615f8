import { createReadStream, statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { PaxosError } from '../base/error.ts'
import { type Checkpoint, readCheckpoint, writeCheckpoint } from './checkpoint.ts'
import {
  type BadLine,
  badLinesKept,
  checkRecords,
  Importer,
  type ImportState,
  type RecordSink,
  refusal,
} from './importer.ts'
import { Progress } from './progress.ts'
import type { RecordFormat, RecordOptions } from './record.ts'
import { cannotRead } from './stdin.ts'

export interface ImportRequest {
  /** `-` is standard input. */
  readonly path: string
  readonly format: RecordFormat
  readonly keyField: string | undefined
  readonly prefix: string | undefined
  readonly onBad: 'refuse' | 'skip'
  readonly inFlightMax: number
  /** File with the checkpoint. */
  readonly resume: string | undefined
  readonly silent: boolean
}

export interface ImportSummary {
  readonly records: number
  readonly bytes: number
  readonly bad: number
  readonly badLines: readonly BadLine[]
  /** Lines done, those of earlier runs included. */
  readonly lines: number
  readonly seconds: number
  readonly recordsPerSecond: number
  readonly interrupted: boolean
}

const checkpointEveryMs = 1000

/** Checks a file first when bad lines are to be refused, writes it, and keeps the checkpoint up to date. */
export async function importRecords(sink: RecordSink, request: ImportRequest): Promise<ImportSummary> {
  const options: RecordOptions = {
    format: request.format,
    ...(request.keyField !== undefined && { keyField: request.keyField }),
    ...(request.prefix !== undefined && { keyPrefix: Buffer.from(request.prefix, 'utf8') }),
  }
  const sizeBytes = request.path === '-' ? undefined : sizeOf(request.path)
  const source = describeSource(request, sizeBytes)
  const earlier = request.resume === undefined ? undefined : readCheckpoint(request.resume, source)
  if (earlier?.complete === true) return nothingLeft(earlier)
  const start = { startLine: earlier?.lines ?? 0, startOffset: earlier?.offset ?? 0 }
  if (request.onBad === 'refuse' && sizeBytes !== undefined) {
    const found = await check(request, { ...options, ...start }, sizeBytes)
    const [first] = found.badLines
    if (first !== undefined) throw refuseAll(found.bad, first, found.badLines)
  }
  const importer = new Importer(sink, { ...options, ...start, onBad: request.onBad, inFlightMax: request.inFlightMax })
  const input =
    request.path === '-' ? skipBytes(process.stdin, start.startOffset) : openFile(request.path, start.startOffset)
  const save = (complete: boolean): void => {
    if (request.resume === undefined) return
    const { doneLines: lines, doneOffset: offset } = importer
    writeCheckpoint(request.resume, {
      format: 1,
      source,
      lines,
      offset,
      bad: (earlier?.bad ?? 0) + importer.bad,
      complete,
    })
  }
  return await drive(importer, input, { save, sizeBytes, silent: request.silent })
}

/** A large file takes a while to check, and that must not look like a standstill. */
async function check(
  { path, silent }: ImportRequest,
  options: Parameters<typeof checkRecords>[1],
  sizeBytes: number,
): ReturnType<typeof checkRecords> {
  let progress: Progress | undefined
  try {
    return await checkRecords(openFile(path, options.startOffset), options, (state) => {
      progress = progressOf('checked', state, { sizeBytes, silent })
      progress.start()
    })
  } finally {
    progress?.stop()
  }
}

function progressOf(
  verb: string,
  state: ImportState,
  { sizeBytes, silent }: { readonly sizeBytes: number | undefined; readonly silent: boolean },
): Progress {
  return new Progress({
    verb,
    stream: process.stderr,
    silent,
    state: () => ({
      records: state.records,
      bad: state.bad,
      fraction: sizeBytes ? state.doneOffset / sizeBytes : undefined,
    }),
  })
}

interface DriveOptions {
  readonly sizeBytes: number | undefined
  readonly silent: boolean
  save(complete: boolean): void
}

/** Runs the import with progress, checkpoints and a Ctrl-C that stops cleanly. */
async function drive(
  importer: Importer,
  input: AsyncIterable<Uint8Array> & { destroy?(): unknown },
  { sizeBytes, silent, save }: DriveOptions,
): Promise<ImportSummary> {
  const startedAt = performance.now()
  const progress = progressOf('imported', importer, { sizeBytes, silent })
  const onSignal = (): void => {
    // Asked twice, the user means at once; the checkpoint on disk stays true.
    if (importer.isStopping) process.exit(130)
    importer.stop()
    process.stdin.destroy()
  }
  const timer = setInterval(() => save(false), checkpointEveryMs)
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
  progress.start()
  try {
    await importer.run(input)
    save(!importer.isStopping)
  } catch (error) {
    save(false)
    throw error
  } finally {
    progress.stop()
    clearInterval(timer)
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
  }
  const seconds = (performance.now() - startedAt) / 1000
  return {
    records: importer.records,
    bytes: importer.bytes,
    bad: importer.bad,
    badLines: importer.badLines,
    lines: importer.doneLines,
    seconds: Math.round(seconds * 1000) / 1000,
    recordsPerSecond: Math.round(importer.records / Math.max(seconds, 0.001)),
    interrupted: importer.isStopping,
  }
}

/** The format that a file name tells; NDJSON otherwise. */
export function formatOf(path: string): RecordFormat {
  return /\.(tsv|tab)$/i.test(path) ? 'tsv' : 'ndjson'
}

function sizeOf(path: string): number {
  try {
    const found = statSync(path)
    if (found.isDirectory()) throw new Error('it is a directory')
    return found.size
  } catch (cause) {
    throw cannotRead(path, cause)
  }
}

function openFile(path: string, start: number): Readable {
  return createReadStream(path, { start, highWaterMark: 256 * 1024 })
}

/** Standard input cannot be begun in the middle. */
async function* skipBytes(input: AsyncIterable<Uint8Array>, bytes: number): AsyncGenerator<Uint8Array> {
  let left = bytes
  for await (const chunk of input) {
    if (left >= chunk.length) left -= chunk.length
    else {
      yield left === 0 ? chunk : chunk.subarray(left)
      left = 0
    }
  }
}

function describeSource(request: ImportRequest, sizeBytes: number | undefined): string {
  const { path, format, keyField, prefix } = request
  const where = path === '-' ? 'standard input' : `${resolve(path)} of ${sizeBytes} bytes`
  const how = [format, keyField === undefined ? '' : `key field ${keyField}`, prefix ? `prefix ${prefix}` : '']
  return `${where} (${how.filter((part) => part !== '').join(', ')})`
}

function nothingLeft(earlier: Checkpoint): ImportSummary {
  process.stderr.write('The checkpoint says that this import is complete: nothing is left to do.\n')
  const none = { records: 0, bytes: 0, badLines: [], seconds: 0, recordsPerSecond: 0, interrupted: false }
  return { ...none, bad: earlier.bad, lines: earlier.lines }
}

function refuseAll(bad: number, first: BadLine, lines: readonly BadLine[]): PaxosError {
  if (bad === 1) return refusal(first.line, `${first.reason}. Nothing was written`)
  const listed = lines.map(({ line, reason }) => `  line ${line}: ${reason}`).join('\n')
  const more = bad > badLinesKept ? `\n  and ${bad - badLinesKept} more` : ''
  return new PaxosError('BAD_REQUEST', `${bad} lines are bad. Nothing was written:\n${listed}${more}`, {
    hint: 'Correct the lines, or skip bad lines with --on-bad skip.',
  })
}
