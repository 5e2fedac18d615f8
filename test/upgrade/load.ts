import assert from 'node:assert/strict'
import { PaxosClient } from '../../src/client/client.ts'

const writers = 8

/** Clients with a session that write and read without a break, and remember what they were told. */
export class Load {
  readonly #client: PaxosClient
  readonly #running: Promise<void>[]
  readonly failures: unknown[] = []
  /** Acknowledged writes of each writer. */
  readonly #written: number[] = Array.from({ length: writers }, () => 0)
  #stopping = false

  constructor(endpoints: readonly string[]) {
    this.#client = new PaxosClient({ endpoints, timeoutMs: 30_000 })
    this.#running = this.#written.map((_, writer) => this.#run(writer))
  }

  get writes(): number {
    return this.#written.reduce((sum, count) => sum + count, 0)
  }

  /** Ends it, and checks that every acknowledged write is there exactly once and none was refused. */
  async finish(): Promise<void> {
    this.#stopping = true
    await Promise.all(this.#running)
    assert.deepEqual(this.failures, [])
    for (const [writer, count] of this.#written.entries()) {
      const item = await this.#client.get(`load/${writer}`)
      // One version for each write: a write that was done twice would make one more.
      assert.deepEqual([item?.text(), item?.version], [String(count), count], `writer ${writer}`)
    }
  }

  async close(): Promise<void> {
    this.#stopping = true
    await this.#client.close()
  }

  async #run(writer: number): Promise<void> {
    const key = `load/${writer}`
    while (!this.#stopping) {
      const next = (this.#written[writer] ?? 0) + 1
      try {
        await this.#client.put(key, String(next))
        this.#written[writer] = next
        const item = await this.#client.get(key)
        assert.equal(item?.text(), String(next), 'a read after the write')
      } catch (error) {
        this.failures.push(error)
        return
      }
    }
  }
}
