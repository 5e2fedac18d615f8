import { rm } from 'node:fs/promises'
import { assert } from '../../base/assert.ts'
import { PaxosError } from '../../base/error.ts'
import type { Done, StateInstall } from '../../runtime/ports.ts'
import { type Environment, openEnvironment } from './environment.ts'
import type { FailStop } from './fail-stop.ts'
import { encodeRecord } from './record.ts'
import { stateKeyBytesMax, statePageSize, toStateKey } from './state-tree.ts'
import { unfinishedFile } from './unfinished-file.ts'

export interface InstallOwner {
  readonly directory: string
  readonly failStop: FailStop
  /** Puts the received environment, whose file is `path`, in place of the live one. */
  swap(environment: Environment, path: string): Promise<void>
  /** The install was finished or given up. */
  over(install: LmdbStateInstall): void
}

/**
 * A snapshot that arrives, in a file of its own beside the live one. A whole file is swapped, not a tree within one: the
 * old data then goes with its file, where deleting it would free thousands of pages in one transaction.
 */
export class LmdbStateInstall implements StateInstall {
  readonly #owner: InstallOwner
  readonly #path: string
  readonly #environment: Environment
  #last: Promise<unknown> = Promise.resolve()
  #over = false

  /** `number` must never come again while the process lives: LMDB would share the lock file of the earlier install. */
  constructor(owner: InstallOwner, number: number) {
    this.#owner = owner
    this.#path = unfinishedFile(owner.directory, 'install', number)
    this.#environment = openEnvironment(this.#path, { pageSize: statePageSize, readOnly: false })
  }

  /** Throws PaxosError BAD_FRAME, having stored nothing of the page, when a key cannot be stored: it came from a peer. */
  put(entries: readonly (readonly [key: string, value: Uint8Array])[], done: Done): void {
    assert(!this.#over, 'put after the end of an install')
    for (const [key] of entries) {
      if (key.length === 0 || key.length > stateKeyBytesMax) {
        throw new PaxosError('BAD_FRAME', `Cannot store a snapshot page: key of ${key.length} bytes`)
      }
    }
    if (this.#owner.failStop.failed) {
      this.#owner.failStop.refuse(done)
      return
    }
    for (const [name, value] of entries) {
      const key = toStateKey(name)
      this.#last = this.#environment.put(key, encodeRecord(key, value))
      this.#last.catch(() => {})
    }
    this.#owner.failStop.track('a snapshot', this.#last, done)
  }

  finish(done: Done): void {
    assert(!this.#over, 'an install is finished once')
    this.#over = true
    if (this.#owner.failStop.failed) {
      this.#owner.failStop.refuse(done)
      return
    }
    const swapped = this.#last.then(() => this.#owner.swap(this.#environment, this.#path))
    this.#owner.over(this)
    this.#owner.failStop.track('an installed snapshot', swapped, done)
  }

  abort(): void {
    // What cannot be removed now is removed when the store is opened next.
    if (!this.#over) this.discard().catch(() => {})
  }

  /** Like `abort`; resolves when the file is gone. */
  async discard(): Promise<void> {
    this.#over = true
    await this.#last
    this.#owner.over(this)
    await this.#environment.close()
    await rm(this.#path, { force: true })
    await rm(`${this.#path}-lock`, { force: true })
  }
}
