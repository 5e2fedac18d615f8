/** The journal as it lies in a data directory: made, and read when the directory is opened. */
import { constants, type Stats, statSync, writeSync } from 'node:fs'
import { access, open, readFile, rename, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { assert } from '../../base/assert.ts'
import { PaxosError } from '../../base/error.ts'
import { readOne } from './acceptor-load.ts'
import { acceptorFile, acceptorLost, refused } from './directory-identity.ts'
import { giveTo, syncDirectory } from './durable-file.ts'
import { reasonOf } from './environment.ts'
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
  const file = await readWritable(join(directory, journalFile)).catch((cause: unknown) => {
    if (isMissing(cause)) throw acceptorLost(directory, `${journalFile} is missing`)
    const why = `${journalFile} cannot be read and written: ${reasonOf(cause)}`
    throw refused(directory, why, { hint: 'Check owner and permissions.', cause })
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

/** Who may not write it could not run the node, and finds that out before anything is changed. */
async function readWritable(path: string): Promise<Buffer> {
  await access(path, constants.R_OK | constants.W_OK)
  return await readFile(path)
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

/**
 * Makes the file unless it is there. All its blocks are written, so that later writes change no length and no map of blocks.
 * Throws PaxosError STORE_FAILED.
 */
export async function ensureJournalFile(directory: string): Promise<void> {
  const path = join(directory, journalFile)
  // One that a mark tells of has the right length, or was refused.
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  if (size > 0 && size % blockBytes === 0) return
  try {
    await make(path, await stat(join(directory, acceptorFile)))
  } catch (cause) {
    throw new PaxosError('STORE_FAILED', `Cannot make ${path}: ${reasonOf(cause)}`, {
      hint: `It takes ${journalLimits.journalBytes / 1024 / 1024} MiB. Check disk and file system, then start the node again. Nothing is lost.`,
      cause,
    })
  }
}

async function make(path: string, owner: Stats): Promise<void> {
  const half = `${path}.tmp`
  const file = await open(half, 'w', 0o600)
  try {
    // Block by block: of one large write, /proc/PID/io counts all as written again whenever a part of it is.
    const zeros = Buffer.alloc(blockBytes)
    for (let at = 0; at < journalLimits.journalBytes; at += blockBytes) writeSync(file.fd, zeros)
    assert((await file.stat()).size === journalLimits.journalBytes, 'a write was cut short')
    await giveTo(file, owner)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(half, path)
  await syncDirectory(dirname(path))
}

function isMissing(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'ENOENT'
}
