import { createReadStream } from 'node:fs'
import { PaxosError } from '../../base/error.ts'
import type { Meta } from '../../machine/records.ts'
import type { BackupManifest } from '../../wire/backup-manifest.ts'
import { type FileManifest, type IncrementManifest, isIncrement } from '../../wire/increment-manifest.ts'
import { backupId } from './backup-id.ts'
import { BackupReader } from './backup-reader.ts'

/** A file that was read as a whole. */
export interface CheckedFile<T extends FileManifest = FileManifest> {
  readonly path: string
  readonly manifest: T
  /** Size of the file. */
  readonly fileBytes: number
  /** Where its content begins; more than 0 when earlier attempts to make it were abandoned. */
  readonly contentStart: number
}

export type CheckedIncrement = CheckedFile<IncrementManifest>

export interface CheckedBackup extends CheckedFile<BackupManifest> {
  readonly meta: Meta
}

/**
 * Reads all of a full backup. Throws PaxosError USAGE when it cannot be read or is an increment, BACKUP_DAMAGED,
 * BACKUP_REFUSED.
 */
export async function checkBackup(path: string): Promise<CheckedBackup> {
  const { reader, fileBytes } = await readAll(path)
  return { path, manifest: reader.finishFull(), meta: reader.meta, fileBytes, contentStart: reader.contentStart }
}

/** The same of a file of either kind. */
export async function checkFile(path: string): Promise<CheckedBackup | CheckedIncrement> {
  const { reader, fileBytes } = await readAll(path)
  const manifest = reader.finish()
  const common = { path, fileBytes, contentStart: reader.contentStart }
  return isIncrement(manifest) ? { ...common, manifest } : { ...common, manifest, meta: reader.meta }
}

/** The same of an increment. */
export async function checkIncrement(path: string): Promise<CheckedIncrement> {
  const file = await checkFile(path)
  if (isCheckedIncrement(file)) return file
  throw new PaxosError('USAGE', `${path} is a full backup: there is no log in it`, {
    hint: 'Name an increment, which `paxos backup create --base` makes.',
  })
}

export function isCheckedIncrement(file: CheckedBackup | CheckedIncrement): file is CheckedIncrement {
  return isIncrement(file.manifest)
}

/**
 * Gives out the chunks, each once the last one was taken, and checks everything again: the file may have changed. What was
 * given out counts only when this has resolved. Throws like `checkBackup`.
 */
export async function readChunks(
  { path, manifest, contentStart }: CheckedFile,
  take: (entries: Uint8Array) => Promise<void>,
): Promise<void> {
  const chunks: Uint8Array[] = []
  const reader = new BackupReader({ name: path, onChunk: (entries) => void chunks.push(entries) })
  for await (const bytes of readFrom(path, contentStart)) {
    reader.push(bytes)
    for (const entries of chunks.splice(0)) await take(entries)
  }
  if (backupId(reader.finish()) !== backupId(manifest)) {
    throw new PaxosError('BACKUP_DAMAGED', `${path} changed while it was read`, {
      hint: 'Use a file that nobody writes.',
    })
  }
}

async function readAll(path: string): Promise<{ readonly reader: BackupReader; readonly fileBytes: number }> {
  const reader = new BackupReader({ name: path })
  let fileBytes = 0
  for await (const bytes of readFrom(path, 0)) {
    fileBytes += bytes.length
    reader.push(bytes)
  }
  return { reader, fileBytes }
}

async function* readFrom(path: string, start: number): AsyncGenerator<Uint8Array> {
  const stream = createReadStream(path, { start, highWaterMark: 1024 * 1024 })
  try {
    for await (const bytes of stream) yield bytes as Buffer
  } catch (cause) {
    const isOpening = cause instanceof Error && 'syscall' in cause
    if (!isOpening) throw cause
    throw new PaxosError('USAGE', `Cannot read ${path}: ${cause.message}`, {
      hint: 'Give the file of a backup.',
      cause,
    })
  }
}
