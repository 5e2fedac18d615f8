/** The journal as it lies in a data directory: made, and read when the directory is opened. */
import { statSync, writeSync } from 'node:fs'
import { open, readFile, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { readOne } from './acceptor-load.ts'
import { acceptorLost, refused } from './directory-identity.ts'
import { giveTo, syncDirectory } from './durable-file.ts'
import { blockBytes, decodeMark, type JournalMark, type JournalRecord, readRecord } from './journal-codec.ts'
import { journalLimits } from './journal-limits.ts'
import { journalKey } from './keys.ts'
import type { RecordTree } from './record-tree.ts'
import { TreeLayer } from './tree-layer.ts'

export const journalFile = 'acceptor.journal'

/**
 * What the journal of a directory has beyond `tree`, the acceptor's; empty after a clean stop. Changes nothing. Throws
 * PaxosError DATA_DIR_REFUSED when it is missing or damaged: votes would be forgotten.
 */
export async function readJournal(directory: string, tree: RecordTree): Promise<TreeLayer> {
  const layer = new TreeLayer()
  const mark = readOne(tree, journalKey, decodeMark, 'the mark of the journal')
  if (mark === undefined) return layer
  const file = await readFile(join(directory, journalFile)).catch((cause: unknown) => {
    if (isMissing(cause)) throw acceptorLost(directory, `${journalFile} is missing`)
    throw refused(directory, `${journalFile} cannot be read`, { hint: 'Check owner and permissions.', cause })
  })
  if (file.length !== mark.bytes) {
    throw acceptorLost(directory, `${journalFile} has ${file.length} bytes instead of ${mark.bytes}`)
  }
  let { at, number } = mark
  for (;;) {
    const record = recordAt(file, mark, number, at) ?? recordAt(file, mark, number, 0)
    if (record === undefined) break
    layer.add(record.writes)
    at = record.end
    number++
  }
  // What a crash cut short is the last one. With a later one behind it, it was acknowledged, and is damaged.
  if (hasLater(file, mark, number)) throw acceptorLost(directory, `record ${number} of ${journalFile} is damaged`)
  return layer
}

function recordAt(
  file: Buffer,
  { run }: JournalMark,
  number: number,
  at: number,
): (JournalRecord & { readonly end: number }) | undefined {
  const record = readRecord(file, at, run)
  return record?.number === number ? { ...record, end: at + record.bytes } : undefined
}

function hasLater(file: Buffer, { run }: JournalMark, number: number): boolean {
  for (let at = 0; at < file.length; at += blockBytes) {
    const record = readRecord(file, at, run)
    if (record !== undefined && record.number > number) return true
  }
  return false
}

/** Makes the file unless it is there. All its blocks are written, so that later writes change no length and no map of blocks. */
export async function ensureJournalFile(directory: string): Promise<void> {
  const path = join(directory, journalFile)
  if (statSync(path, { throwIfNoEntry: false }) !== undefined) return
  const half = `${path}.tmp`
  const file = await open(half, 'w', 0o600)
  try {
    // Block by block: written as one, it would count as written whole, in the figures of the system, whenever a part of it is.
    const zeros = Buffer.alloc(blockBytes)
    for (let at = 0; at < journalLimits.journalBytes; at += blockBytes) writeSync(file.fd, zeros)
    await giveTo(file, await stat(directory))
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(half, path)
  await syncDirectory(directory)
}

function isMissing(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'ENOENT'
}
