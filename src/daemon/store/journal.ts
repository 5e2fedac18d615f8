/**
 * A ring of records in one file, written one after another, each durable with one write.
 *
 * LMDB makes a commit durable with two flushes, one after the other, and writes whole pages; a record here costs one write
 * of few blocks to a place that the file has already, so the file system has nothing of its own to make durable with it.
 *
 * Invariants:
 * - at most one write is in flight, so at most the last record can be cut short by a crash.
 * - nothing is written over that is not yet released.
 */
import { randomBytes } from 'node:crypto'
import { constants, write } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { assert } from '../../base/assert.ts'
import { blockBytes, fillRecord, type JournalMark, recordBytes, runBytes } from './journal-codec.ts'
import type { TreeWrite } from './record-tree.ts'

/** Where in the ring, and which record comes next there. */
export interface JournalPosition {
  readonly number: number
  readonly at: number
}

export class Journal {
  readonly #file: FileHandle
  readonly #bytes: number
  readonly #run = randomBytes(runBytes)
  /** What is durable lies between them; nothing does when both are the same. */
  #released: JournalPosition = { number: 1, at: 0 }
  #end: JournalPosition = { number: 1, at: 0 }
  #isWriting = false
  #buffer = Buffer.alloc(0)

  private constructor(file: FileHandle, bytes: number) {
    this.#file = file
    this.#bytes = bytes
  }

  /** A new run in a file of whole blocks that are all written. What is in it is of no use any more. */
  static async open(path: string): Promise<Journal> {
    // With O_DSYNC a write is done when it is durable: one wait instead of two.
    const file = await open(path, constants.O_RDWR | constants.O_DSYNC)
    const { size } = await file.stat()
    assert(size > 0 && size % blockBytes === 0, 'a journal of %s bytes', size)
    return new Journal(file, size)
  }

  /** After the last durable record. */
  get end(): JournalPosition {
    return this.#end
  }

  markAt({ number, at }: JournalPosition): JournalMark {
    return { bytes: this.#bytes, run: this.#run, number, at }
  }

  /** Durable when it resolves; undefined when there is no room. */
  append(writes: readonly TreeWrite[]): Promise<void> | undefined {
    assert(!this.#isWriting, 'two writes of the journal in flight')
    const bytes = recordBytes(writes)
    const at = this.#placeFor(bytes)
    if (at === undefined) return undefined
    this.#isWriting = true
    // Begun anew at the front: what was free behind the end is now behind the beginning.
    if (this.#isEmpty) this.#released = { number: this.#end.number, at }
    if (this.#buffer.length < bytes) this.#buffer = Buffer.alloc(Math.max(bytes, this.#buffer.length * 2))
    fillRecord(this.#buffer.subarray(0, bytes), this.#run, this.#end.number, writes)
    return this.#write(at, bytes)
  }

  /** What comes before `position` is not needed any more. */
  release(position: JournalPosition): void {
    assert(
      this.#released.number <= position.number && position.number <= this.#end.number,
      'released what is not there',
    )
    this.#released = position
  }

  async close(): Promise<void> {
    await this.#file.close()
  }

  /** The beginning of the buffer. Not by the promises of the file, which take several turns of the microtasks each. */
  #write(at: number, bytes: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const go = (from: number): void =>
        write(this.#file.fd, this.#buffer, from, bytes - from, at + from, (error, written) => {
          if (error !== null) {
            reject(error)
          } else if (from + written < bytes) {
            go(from + written)
          } else {
            this.#isWriting = false
            this.#end = { number: this.#end.number + 1, at: at + bytes }
            resolve()
          }
        })
      go(0)
    })
  }

  get #isEmpty(): boolean {
    return this.#end.number === this.#released.number
  }

  /** Not up to the released position itself: a full ring must not look like an empty one. */
  #placeFor(bytes: number): number | undefined {
    const end = this.#end.at
    const released = this.#released.at
    if (this.#isEmpty && end + bytes > this.#bytes) return bytes <= this.#bytes ? 0 : undefined
    if (this.#isEmpty) return end
    if (end > released) {
      if (end + bytes <= this.#bytes) return end
      return bytes < released ? 0 : undefined
    }
    return end + bytes < released ? end : undefined
  }
}
