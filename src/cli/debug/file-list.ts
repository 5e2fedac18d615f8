import type { TarFile } from './tar.ts'

/** Files up to a size; what is beyond is said to be missing. */
export class FileList {
  readonly files: TarFile[] = []
  /** What is missing and why, one sentence each. */
  readonly missing: string[] = []
  #bytesLeft: number

  constructor(bytesMax: number) {
    this.#bytesLeft = bytesMax
  }

  addJson(name: string, value: unknown): void {
    this.add(name, `${JSON.stringify(value, null, 2)}\n`)
  }

  add(name: string, text: string): void {
    const bytes = Buffer.from(text)
    if (bytes.length > this.#bytesLeft) {
      this.missing.push(`${name}: left out, the bundle would be too large`)
      return
    }
    this.#bytesLeft -= bytes.length
    this.files.push({ name, bytes })
  }
}
