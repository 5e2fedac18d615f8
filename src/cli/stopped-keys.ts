import { assert } from '../base/assert.ts'
import type { ListOptions, ListResult, ReadOptions } from '../client/client.ts'
import type { Bytes, KeyValue } from '../client/key-value.ts'
import { getQuery, listQuery, toKeyValue, toListResult } from '../client/queries.ts'
import type { Machine } from '../machine/machine.ts'
import type { ReadView, View } from '../machine/view.ts'
import type { KeyReader } from './read-command.ts'

/**
 * Keys in the data directory of a stopped node, as far as its machine had written them down. What was chosen after that is in its
 * log, and in nothing that can be read by key.
 */
export class StoppedKeys implements KeyReader {
  readonly member: string
  readonly #machine: Machine
  readonly #close: () => Promise<void>

  private constructor(member: string, machine: Machine, close: () => Promise<void>) {
    this.member = member
    this.#machine = machine
    this.#close = close
  }

  /** Writes nothing; refused while the node runs. */
  static async open(path: string): Promise<StoppedKeys> {
    const { openDataDirectoryReadOnly } = await import('../daemon/store/data-directory.ts')
    const { KvMachine } = await import('../machine/kv-machine.ts')
    const directory = await openDataDirectoryReadOnly({ path })
    try {
      const machine = new KvMachine(readOnly(directory.view))
      return new StoppedKeys(directory.identity.name, machine, () => directory.close())
    } catch (error) {
      await directory.close()
      throw error
    }
  }

  get appliedUpTo(): number {
    return this.#machine.appliedUpTo
  }

  async get(key: Bytes, options: ReadOptions = {}): Promise<KeyValue | undefined> {
    return toKeyValue(this.#machine.query(getQuery(key, options)))
  }

  async list(options: ListOptions = {}): Promise<ListResult> {
    return toListResult(this.#machine.query(listQuery(options)))
  }

  close(): Promise<void> {
    return this.#close()
  }
}

/** Nothing that only reads the machine writes to its view. */
function readOnly(view: ReadView): View {
  const refuse = (): void => assert(false, 'the data of a stopped node are not written')
  return { get: view.get, range: view.range, put: refuse, delete: refuse }
}
