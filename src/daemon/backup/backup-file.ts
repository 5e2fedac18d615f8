import { createReadStream } from 'node:fs'
import { PaxosError } from '../../base/error.ts'
import type { Meta } from '../../machine/records.ts'
import type { BackupManifest } from '../../wire/backup-manifest.ts'
import { BackupReader } from './backup-reader.ts'

export interface CheckedBackup {
  readonly path: string
  readonly manifest: BackupManifest
  readonly meta: Meta
  /** Size of the file. */
  readonly fileBytes: number
  /** Where its content begins; more than 0 when earlier attempts to make it were abandoned. */
  readonly contentStart: number
}

/** Reads all of it. Throws PaxosError USAGE when it cannot be read, BACKUP_DAMAGED, BACKUP_REFUSED. */
export async function checkBackup(path: string): Promise<CheckedBackup> {
  const reader = new BackupReader({ name: path })
  let fileBytes = 0
  for await (const bytes of readFrom(path, 0)) {
    fileBytes += bytes.length
    reader.push(bytes)
  }
  const manifest = reader.finish()
  return { path, manifest, meta: reader.tally.meta, fileBytes, contentStart: reader.contentStart }
}

/**
 * Gives out the chunks, each once the last one was taken, and checks everything again: the file may have changed. What was
 * given out counts only when this has resolved. Throws like `checkBackup`.
 */
export async function readChunks(
  { path, manifest, contentStart }: CheckedBackup,
  take: (entries: Uint8Array) => Promise<void>,
): Promise<void> {
  const chunks: Uint8Array[] = []
  const reader = new BackupReader({ name: path, onChunk: (entries) => void chunks.push(entries) })
  for await (const bytes of readFrom(path, contentStart)) {
    reader.push(bytes)
    for (const entries of chunks.splice(0)) await take(entries)
  }
  if (reader.finish().contentSha256 !== manifest.contentSha256) {
    throw new PaxosError('BACKUP_DAMAGED', `${path} changed while it was read`, {
      hint: 'Use a file that nobody writes.',
    })
  }
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
