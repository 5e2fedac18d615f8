import { once } from 'node:events'
import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { PaxosError } from '../../base/error.ts'
import { PartialFile } from '../../daemon/backup/partial-file.ts'
import { encodeAbandoned } from '../../wire/backup-codec.ts'

/** Where a backup goes, in whole frames. */
export interface BackupOutput {
  write(frame: Uint8Array): Promise<void>
  /** What was written is void; all of it comes again, from elsewhere. */
  restart(): Promise<void>
  /** All of it was written. Durable when this resolves, if it is a file. */
  finish(): Promise<void>
  /** It will never be whole. */
  discard(): Promise<void>
}

/** `-` is standard output. Throws PaxosError PRECONDITION_FAILED when the file is there, USAGE when it cannot be made. */
export async function openBackupOutput(path: string, overwrite: boolean): Promise<BackupOutput> {
  if (path === '-') return new StandardOutput()
  checkTarget(path, overwrite)
  return await PartialFile.create(resolve(path))
}

/** Throws PaxosError PRECONDITION_FAILED when the file is there, USAGE when it is a directory. */
export function checkTarget(path: string, overwrite: boolean): void {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found?.isDirectory() === true) {
    throw new PaxosError('USAGE', `${path} is a directory`, { hint: 'Name the file to write.' })
  }
  if (found !== undefined && !overwrite) {
    throw new PaxosError('PRECONDITION_FAILED', `${path} is there already`, {
      hint: 'Name another file, or replace this one with --overwrite: it stays until the new one is whole.',
    })
  }
}

/** Nothing can be taken back, but a frame can say that what came before is void. */
class StandardOutput implements BackupOutput {
  #hasBegun = false

  constructor() {
    if (process.stdout.isTTY === true) {
      throw new PaxosError('USAGE', 'A backup is not for the eyes: standard output is a terminal', {
        hint: 'Name a file, or pipe it to where it belongs.',
      })
    }
    // A reader that goes ends the process there and then, which must not look like success.
    process.exitCode = exitCut
  }

  async write(frame: Uint8Array): Promise<void> {
    this.#hasBegun = true
    if (!process.stdout.write(frame)) await once(process.stdout, 'drain')
  }

  async restart(): Promise<void> {
    if (this.#hasBegun) await this.write(encodeAbandoned())
    this.#hasBegun = false
  }

  async finish(): Promise<void> {
    process.exitCode = 0
  }

  async discard(): Promise<void> {}
}

const exitCut = 8
