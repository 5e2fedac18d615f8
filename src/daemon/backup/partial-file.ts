import { readdirSync, rmSync } from 'node:fs'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { PaxosError } from '../../base/error.ts'
import { syncDirectory } from '../store/durable-file.ts'

/** A file that has its name only once it is whole and durable. Until then it is `.NAME.PID.partial` beside it. */
export class PartialFile {
  readonly #target: string
  readonly #partial: string
  readonly #file: FileHandle
  #position = 0

  /** Removes what runs left that were killed. Throws PaxosError USAGE when it cannot be made. */
  static async create(target: string): Promise<PartialFile> {
    removeLeftovers(dirname(target), (name) => name === basename(target))
    const partial = join(dirname(target), `.${basename(target)}.${process.pid}.partial`)
    const file = await open(partial, 'wx', 0o600).catch((cause: Error) => cannotWrite(target, cause))
    return new PartialFile(target, partial, file)
  }

  private constructor(target: string, partial: string, file: FileHandle) {
    this.#target = target
    this.#partial = partial
    this.#file = file
  }

  async write(bytes: Uint8Array): Promise<void> {
    let at = 0
    while (at < bytes.length) {
      const { bytesWritten } = await this.#file
        .write(bytes, at, bytes.length - at, this.#position)
        .catch((cause: Error) => cannotWrite(this.#target, cause))
      at += bytesWritten
      this.#position += bytesWritten
    }
  }

  /** It is empty again. */
  async restart(): Promise<void> {
    await this.#file.truncate(0)
    this.#position = 0
  }

  /** Gives it its name, in place of a file that has it. Throws PaxosError USAGE. */
  async finish(): Promise<void> {
    try {
      await this.#file.sync()
      await this.#file.close()
      await rename(this.#partial, this.#target)
      await syncDirectory(dirname(this.#target))
    } catch (cause) {
      cannotWrite(this.#target, cause instanceof Error ? cause : new Error(String(cause)))
    }
  }

  /** Unless it has its name. */
  async discard(): Promise<void> {
    await this.#file.close().catch(() => {})
    await rm(this.#partial, { force: true })
  }
}

/** Of killed runs, those files that were to get a name like this. */
export function removeLeftovers(directory: string, isOurs: (target: string) => boolean): void {
  for (const name of namesIn(directory)) {
    const [, target, pid] = /^\.(.+)\.(\d+)\.partial$/.exec(name) ?? []
    if (target === undefined || !isOurs(target) || isAlive(Number(pid))) continue
    rmSync(join(directory, name), { force: true })
  }
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
  } catch {
    // That it cannot be read is said when it cannot be written.
    return []
  }
}

/** Another process; what this one left is from an earlier process of that id. */
function isAlive(pid: number): boolean {
  if (pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

function cannotWrite(path: string, cause: NodeJS.ErrnoException): never {
  // The message would name the file by its name for the time being.
  const reason = cause.code === 'ENOENT' ? 'there is no such directory' : (cause.code ?? cause.message)
  throw new PaxosError('USAGE', `Cannot write ${path}: ${reason}`, {
    hint: 'Choose a place that is writable and has room.',
    cause,
  })
}
