import { zstdDecompressSync } from 'node:zlib'
import { PaxosError } from '../../base/error.ts'
import { emptyMeta, type Meta } from '../../machine/records.ts'
import {
  backupFrame,
  backupFrameBytesMax,
  decodeBackupHeader,
  decodeChunk,
  incrementFormat,
  noBackup,
} from '../../wire/backup-codec.ts'
import { type BackupManifest, decodeManifest } from '../../wire/backup-manifest.ts'
import { FrameDecoder, frameHeaderBytes } from '../../wire/frame.ts'
import { decodeIncrementManifest, type FileManifest, isIncrement } from '../../wire/increment-manifest.ts'
import { ContentTally } from './content-tally.ts'
import { IncrementTally } from './increment-tally.ts'

export interface BackupReaderOptions {
  /** Names the backup in errors. */
  readonly name: string
  /** The entries of a chunk, checked as far as one chunk can be. */
  onChunk?(entries: Uint8Array): void
  /** Each frame, whole and checked, as its type and payload. */
  onFrame?(type: number, payload: Uint8Array): void
}

/**
 * Checks a backup, full or an increment, as it arrives, in pieces of any size, and gives out its chunks. Nothing given out counts before `finish`
 * has returned: a backup is whole or it is nothing.
 */
export class BackupReader {
  readonly #options: BackupReaderOptions
  readonly #frames = new FrameDecoder({ payloadBytesMax: backupFrameBytesMax })
  #tally: ContentTally | IncrementTally = new ContentTally()
  #wanted: 'header' | 'chunks' | 'end' = 'header'
  #manifest: FileManifest | undefined
  #frameStart = 0
  #contentStart = 0

  constructor(options: BackupReaderOptions) {
    this.#options = options
  }

  /** Offset of the header after which the content lies: what comes before was abandoned. */
  get contentStart(): number {
    return this.#contentStart
  }

  /** Read so far. */
  get entries(): number {
    return this.#tally.entries
  }

  /** Of a full backup, once it was read. */
  get meta(): Meta {
    return this.#tally instanceof ContentTally ? this.#tally.meta : emptyMeta
  }

  /** Throws PaxosError BACKUP_DAMAGED, BACKUP_REFUSED. */
  push(bytes: Uint8Array): void {
    try {
      this.#frames.push(bytes, (type, payload) => this.#onFrame(type, payload))
    } catch (error) {
      throw this.#explain(error)
    }
  }

  /** Throws PaxosError BACKUP_DAMAGED when the end is missing. */
  finish(): FileManifest {
    const manifest = this.#manifest
    if (manifest !== undefined && !this.#frames.midFrame) return manifest
    if (manifest !== undefined) throw this.#damaged('there is something after its end')
    const got = this.#wanted === 'header' ? 'before its header' : `after ${this.#tally.chunks} chunks`
    throw this.#damaged(`it is cut short ${got}`)
  }

  /** Throws PaxosError BACKUP_DAMAGED, USAGE when it is an increment. */
  finishFull(): BackupManifest {
    const manifest = this.finish()
    if (!isIncrement(manifest)) return manifest
    throw new PaxosError('USAGE', `${this.#options.name} is an increment: it continues another backup`, {
      hint: 'Name the full backup before it, and every increment between, in order.',
    })
  }

  #onFrame(type: number, payload: Uint8Array): void {
    if (type === backupFrame.header && this.#wanted === 'header') {
      const { format } = decodeBackupHeader(payload)
      this.#tally = format === incrementFormat ? new IncrementTally() : new ContentTally()
      this.#wanted = 'chunks'
      this.#contentStart = this.#frameStart
    } else if (this.#wanted === 'header') {
      throw this.#damaged(noBackup)
    } else if (type === backupFrame.chunk && this.#wanted === 'chunks') {
      this.#onChunk(payload)
    } else if (type === backupFrame.manifest && this.#wanted === 'chunks') {
      this.#onManifest(payload)
    } else if (type === backupFrame.abandoned && this.#wanted === 'chunks') {
      this.#wanted = 'header'
    } else {
      throw this.#damaged(this.#wanted === 'end' ? 'there is something after its end' : 'a part is out of place')
    }
    this.#options.onFrame?.(type, payload)
    this.#frameStart += frameHeaderBytes + payload.length
  }

  #onChunk(payload: Uint8Array): void {
    const { index, entriesLength, compressed } = decodeChunk(payload)
    if (index !== this.#tally.chunks) throw this.#damaged(`chunk ${index} is there in its place`)
    let entries: Uint8Array
    try {
      // At least 1: zlib takes no bound of 0.
      entries = zstdDecompressSync(compressed, { maxOutputLength: Math.max(1, entriesLength) })
    } catch (cause) {
      throw this.#damaged('it cannot be decompressed', cause)
    }
    if (entries.length !== entriesLength) throw this.#damaged(`it has ${entries.length} bytes, not ${entriesLength}`)
    this.#tally.add(entries)
    this.#options.onChunk?.(entries)
  }

  #onManifest(payload: Uint8Array): void {
    const tally = this.#tally
    if (tally instanceof ContentTally) {
      const manifest = decodeManifest(payload)
      this.#compare(manifest, tally.content())
      this.#manifest = manifest
    } else {
      const manifest = decodeIncrementManifest(payload)
      this.#compare(manifest, tally.content())
      const { from, upTo: applied } = tally.range ?? { from: manifest.from, upTo: manifest.from }
      this.#compare(manifest, { from, applied })
      this.#manifest = manifest
    }
    this.#wanted = 'end'
  }

  #compare<T extends object>(manifest: T, content: Partial<T>): void {
    for (const [name, value] of Object.entries(content)) {
      const said = manifest[name as keyof T]
      if (said !== value) throw this.#damaged(`its manifest says ${name} ${said}, but its content has ${value}`)
    }
  }

  #explain(error: unknown): unknown {
    if (!(error instanceof PaxosError)) return error
    const { code, message, hint } = error
    const { name } = this.#options
    // Of the machine's data, when a newer version wrote it.
    if (code === 'BACKUP_REFUSED' || code === 'DATA_DIR_REFUSED') {
      return new PaxosError('BACKUP_REFUSED', `Cannot use ${name}: ${message}`, { hint, cause: error })
    }
    if (code !== 'BAD_FRAME') return error
    const what = message.replace(/^Bad frame: /, '')
    return this.#wanted === 'header' && this.#frameStart === 0
      ? this.#damaged(noBackup, error)
      : this.#damaged(what, error)
  }

  #damaged(what: string, cause?: unknown): PaxosError {
    const place = this.#wanted === 'chunks' ? `chunk ${this.#tally.chunks}, ` : ''
    const message = `${this.#options.name} is damaged: ${place}at byte ${this.#frameStart}: ${what}`
    return new PaxosError('BACKUP_DAMAGED', message, {
      hint: 'Take another copy of it, or another backup. Nothing was restored from it.',
      cause,
    })
  }
}
