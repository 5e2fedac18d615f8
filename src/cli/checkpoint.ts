import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { PaxosError } from '../base/error.ts'

/** How far an import certainly came: every line up to `lines` is written (or was skipped as bad). */
export interface Checkpoint {
  readonly format: 1
  /** The same input and the same way to read it, or continuing would write something else. */
  readonly source: string
  readonly lines: number
  /** Offset of the first byte after those lines. */
  readonly offset: number
  readonly bad: number
  readonly complete: boolean
}

/** Undefined when there is none yet. Throws PaxosError BAD_REQUEST for one that is damaged or of another import. */
export function readCheckpoint(path: string, source: string): Checkpoint | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw new PaxosError('BAD_REQUEST', `Cannot read ${path}: ${error instanceof Error ? error.message : ''}`, {
      cause: error,
    })
  }
  const found = parse(text)
  if (found === undefined) {
    throw new PaxosError('BAD_REQUEST', `${path} is not a checkpoint of an import`, {
      hint: 'Name another file with --resume, or delete this one to import from the beginning.',
    })
  }
  if (found.source !== source) {
    throw new PaxosError('BAD_REQUEST', `${path} belongs to another import: ${found.source}, and this is ${source}`, {
      hint: 'Delete it to import from the beginning, or give the same input and options again.',
    })
  }
  return found
}

/** At once or not at all: a kill in the middle leaves the earlier checkpoint. */
export function writeCheckpoint(path: string, checkpoint: Checkpoint): void {
  const temporary = `${path}.tmp`
  writeFileSync(temporary, `${JSON.stringify(checkpoint)}\n`)
  renameSync(temporary, path)
}

function parse(text: string): Checkpoint | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isCheckpoint(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isCheckpoint(value: unknown): value is Checkpoint {
  if (typeof value !== 'object' || value === null) return false
  const fields: Record<string, unknown> = { ...value }
  return (
    fields['format'] === 1 &&
    typeof fields['source'] === 'string' &&
    typeof fields['complete'] === 'boolean' &&
    ['lines', 'offset', 'bad'].every((name) => Number.isSafeInteger(fields[name]))
  )
}
