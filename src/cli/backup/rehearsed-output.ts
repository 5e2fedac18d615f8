import { dirname, resolve } from 'node:path'
import { PaxosError } from '../../base/error.ts'
import { fileSystemSpace } from '../../daemon/store/file-system-space.ts'
import { checkWritable } from '../check-writable.ts'
import { type BackupOutput, checkTarget } from './backup-output.ts'

/** Takes a backup and writes none of it: what the file would have, and whether it has room where it would lie. */
export class RehearsedOutput implements BackupOutput {
  readonly #path: string
  #bytes = 0

  private constructor(path: string) {
    this.#path = path
  }

  /** Throws PaxosError as opening the file would. */
  static async open(path: string, overwrite: boolean): Promise<RehearsedOutput> {
    if (path !== '-') {
      checkTarget(path, overwrite)
      await checkWritable(path)
    }
    return new RehearsedOutput(path)
  }

  /** Of the file. */
  get bytes(): number {
    return this.#bytes
  }

  async write(frame: Uint8Array): Promise<void> {
    this.#bytes += frame.length
  }

  async restart(): Promise<void> {
    this.#bytes = 0
  }

  /** Throws PaxosError NO_SPACE. */
  async finish(): Promise<void> {
    if (this.#path === '-') return
    const { freeBytes } = await fileSystemSpace(dirname(resolve(this.#path)))
    if (freeBytes >= this.#bytes) return
    throw new PaxosError('NO_SPACE', `${this.#path} would have ${this.#bytes} bytes, and ${freeBytes} are free there`, {
      hint: 'Choose a place that has room.',
    })
  }

  async discard(): Promise<void> {}
}
